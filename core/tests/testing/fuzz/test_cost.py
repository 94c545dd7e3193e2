"""Cost grows with the size of what is sent, never with its square; counted in work done, not in seconds.

Work is counted in function calls (``sys.setprofile``), which a busy machine does not change. Each case was once so slow
that a megabyte held the server for minutes.
"""

import difflib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from nascore.cli.experimentfile import read_experiment_file
from nascore.errors import InvalidInputError, NotFoundError, SpaceError
from nascore.experiment.naming import found
from nascore.record import ExperimentRecord, ExperimentSpec
from nascore.space import (
    Architecture,
    Candidate,
    Constraint,
    DecisionValue,
    Group,
    Integer,
    LiteralValue,
    OneOf,
    Operation,
    Operator,
    SearchSpace,
    SomeOf,
)

CHAIN = SearchSpace(tuple(OneOf(f"edge{place:04}", (Candidate("a"), Candidate("b"))) for place in range(400)))


def calls(work: Callable[[], object]) -> int:
    """Count the calls that some work makes; what it raises for wrong input is no matter."""
    count = 0

    def note(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    except (InvalidInputError, NotFoundError):
        pass
    finally:
        sys.setprofile(None)
    return count


def assert_linear(make: Callable[[int], Callable[[], object]], *, small: int, large: int) -> None:
    before, after = calls(make(small)), calls(make(large))
    assert after < before * (large / small) * 3, f"{before:,} calls for {small}, {after:,} for {large}"


def test_unknown_paths_are_compared_a_few_times_only(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    real = difflib.get_close_matches
    monkeypatch.setattr(difflib, "get_close_matches", lambda *args, **parts: compared.append(1) or real(*args, **parts))
    wrong = Architecture({f"edge{place}x": "a" for place in range(1000)})
    violations = CHAIN.validate(wrong)
    assert len(violations) == 1400
    assert 0 < len(compared) <= 5
    assert "did you mean" in "".join(violation.message for violation in violations)


def test_long_words_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(difflib, "get_close_matches", lambda *args, **parts: pytest.fail("compared"))
    CHAIN.validate(Architecture({"x" * 7000: "a"}))
    with pytest.raises(NotFoundError):
        found([ExperimentRecord("a", ExperimentSpec("t", name="n" * 256))], "m" * 256)


def test_unknown_paths_in_constraints_are_compared_a_few_times_only(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []
    monkeypatch.setattr(difflib, "get_close_matches", lambda *args, **parts: compared.append(1) or [])
    constraints = tuple(
        Constraint(f"c{place}", Operation(Operator.EQUAL, (DecisionValue(f"edge{place}x"), LiteralValue("a"))))
        for place in range(200)
    )
    with pytest.raises(SpaceError) as caught:
        SearchSpace(CHAIN.nodes, constraints)
    assert len(caught.value.violations) == 200
    assert len(compared) <= 5


def test_the_difference_of_two_large_spaces_is_linear() -> None:
    def spaces(count: int) -> Callable[[], object]:
        nodes = tuple(Integer(f"i{place}", 0, 1) for place in range(count))
        first, second = SearchSpace(nodes), SearchSpace((*nodes[1:], nodes[0]))
        return lambda: first.diff(second)

    first = spaces(50)()
    assert first  # They differ in order.
    assert_linear(spaces, small=200, large=2000)


def test_many_wide_choices_are_refused_before_their_subsets_are_counted() -> None:
    wide = tuple(SomeOf(f"s{place}", tuple(map(Candidate, map(str, range(512)))), 0, 512) for place in range(5))
    SearchSpace(wide[:4])
    with pytest.raises(SpaceError, match=r"candidates times max_chosen.*1,310,720; at most 1,048,576"):
        SearchSpace(wide)


def test_reading_a_space_file_is_linear() -> None:
    def texts(count: int) -> Callable[[], object]:
        text = SearchSpace(tuple(Integer(f"i{place}", 0, 1) for place in range(count))).to_json()
        return lambda: SearchSpace.from_json(text)

    assert_linear(texts, small=100, large=1000)


def test_finding_the_wrong_part_of_a_space_file_is_linear() -> None:
    def texts(count: int) -> Callable[[], object]:
        group = Group("g", tuple(Integer(f"i{place}", 0, 1) for place in range(count)))
        text = SearchSpace((group,)).to_json().replace('"high": "1"', '"high": "x"')
        assert '"x"' in text
        return lambda: SearchSpace.from_json(text)

    assert_linear(texts, small=100, large=1000)


@pytest.mark.parametrize("opening", ["- ", "? ", "[\n", pytest.param("[", marks=pytest.mark.slow)])
def test_yaml_is_not_read_beyond_its_32_levels(tmp_path: Path, opening: str) -> None:
    def files(count: int) -> Callable[[], object]:
        path = tmp_path / f"{count}.yaml"
        path.write_text(opening * count)
        return lambda: read_experiment_file(path)

    small, large = calls(files(1_000)), calls(files(20_000))
    assert large < small * 3, f"{small:,} calls for 1,000 openings, {large:,} for 20,000"
