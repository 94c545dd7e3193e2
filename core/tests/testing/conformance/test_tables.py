"""The tables of docs/conformance.md are those that ``tables.py`` makes."""

import importlib.util
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


@pytest.fixture(scope="module")
def tables():
    return loaded("tables")


def loaded(name):
    spec = importlib.util.spec_from_file_location(f"conformance_{name}", FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_document_lists_every_check_as_it_is(tables):
    text = tables.DOCUMENT.read_text(encoding="utf-8")
    assert tables.replaced(text, "checks", tables.checks()) == text


def test_the_document_has_a_row_for_every_mutant_which_was_caught_by_its_check(tables):
    text = tables.DOCUMENT.read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|`]+) \| `([a-z-]+)` \| ([^|]+) \|$", text, re.MULTILINE)
    assert {fault: check for fault, check, _ in rows} == loaded("test_mutants").CAUGHT_BY
    assert not [fault for fault, _, sentence in rows if sentence == "not caught"]


def test_a_sentence_in_a_table_is_short_and_names_no_place_of_this_machine(tables):
    sentence = "Tuner exec:/some/python /some/program.py 'has it' printed 'a|b' instead of its handshake." + 99 * "!"
    assert tables.shown(sentence).startswith("Tuner 'has it' printed 'a\\|b' instead of its handshake.")
    assert len(tables.shown(sentence)) == tables.LONGEST


def test_a_document_without_a_place_for_a_table_is_refused(tables):
    with pytest.raises(SystemExit, match="no place for the table of tuners"):
        tables.replaced("no comments", "tuners", "| |")
