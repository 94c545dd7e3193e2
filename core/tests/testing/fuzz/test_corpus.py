"""Inputs that once made something fail: none does so again."""

from pathlib import Path

import pytest
from nascore.errors import InvalidInputError
from nascore.testing.fuzz import FORMATS, KeptInput, fuzz, keep_input, kept_inputs

CORPUS = Path(__file__).parents[1] / "corpus"
KEPT = tuple(kept_inputs(CORPUS))


@pytest.mark.parametrize("name", sorted({kept.format for kept in KEPT}))
def test_what_failed_once_is_refused_or_taken(name: str) -> None:
    inputs = [kept.text for kept in KEPT if kept.format == name]
    with FORMATS[name].open() as target:
        report = fuzz(target, inputs, allowed=FORMATS[name].allowed)
    assert report.is_clean, report
    assert report.inputs == len(inputs) > 0


def test_an_input_is_kept_as_it_is(tmp_path: Path) -> None:
    kept = [KeptInput("a", "TypeError", "\ud800 text"), KeptInput("b", "slow", b"\x00\xff")]
    assert all(keep_input(tmp_path, each) for each in kept)
    assert list(kept_inputs(tmp_path)) == kept


def test_a_huge_input_is_not_kept(tmp_path: Path) -> None:
    assert keep_input(tmp_path, KeptInput("a", "slow", b"x" * 65_537)) is None
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.json").write_text('{"found": "x"}')
    with pytest.raises(InvalidInputError, match=r"x\.json holds no input: KeyError"):
        list(kept_inputs(tmp_path))
