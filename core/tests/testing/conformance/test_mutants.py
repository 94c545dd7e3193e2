"""Every mutant is caught, by the check that is meant for it, with one sentence; and the correct tuner passes."""

import sys
from pathlib import Path

import pytest
from nascore.testing.conformance import CHECKS, Examination, Verdict, examine

PROGRAM = Path(__file__).parent / "mutants" / "program.py"
CAUGHT_BY = {
    "answers garbage": "handshake",
    "crashes on start": "handshake",
    "greets oddly": "handshake",
    "has no schema": "handshake",
    "speaks newer": "handshake",
    "claims nonsense": "description",
    "refuses what it claims": "node-kinds",
    "crashes on what it cannot": "refusals",
    "takes anything": "refusals",
    "overlooks types": "refusals",
    "overlooks bounds": "refusals",
    "overlooks unknown settings": "refusals",
    "proposes invalid": "known-spaces",
    "hangs": "known-spaces",
    "dies": "known-spaces",
    "knows no escapes": "generated-spaces",
    "ignores the seed": "seeds",
    "repeats itself": "seeds",
    "chokes on failures": "failures",
    "squares": "extreme-values",
    "remembers its own": "foreign-architectures",
    "takes back its end": "exhaustion",
    "rolls dice": "determinism",
    "counts questions": "same-question",
    "draws a batch from its first seed": "batches",
    "double-counts": "repeated-tells",
    "double-counts late": "repeated-tells",
    "forgets what it was told": "late-tells",
    "overlooks gaps": "gaps",
    "shares state": "two-sessions",
    "resets not": "reopening",
    "counts calls": "crash-equivalence",
    "keeps a generator": "snapshots",
    "forgets its generator": "snapshots",
    "saves with a trace": "snapshots",
    "restores nothing": "snapshots",
    "resets silently": "damaged-snapshots",
    "stops early": "one-shot-schedule",
    "never ends": "one-shot-schedule",
    "derives worst first": "one-shot-derive",
    "chokes on lost samples": "one-shot-losses",
    "opens by itself": "unknown-session",
    "dies of strangers": "garbage",
    "is put out by haste": "deadlines",
    "is put out by silence": "cancellation",
    "leaks": "memory",
}
FAST = ("speaks newer", "crashes on start", "double-counts", "forgets its generator", "resets silently")


def found(fault, **how):
    command = f"exec:{sys.executable} {PROGRAM} '{fault}'"
    how = {"timeout_s": 12.0 if fault == "hangs" else 60.0, "is_quick": True, **how}
    return examine(command, Examination(**how))


@pytest.mark.parametrize(
    "fault", [fault if fault in FAST else pytest.param(fault, marks=pytest.mark.slow) for fault in CAUGHT_BY]
)
def test_each_mutant_is_caught_by_the_check_that_is_meant_for_it(fault):
    report = found(fault, only=(CAUGHT_BY[fault],))
    caught = {finding.check.name: finding.sentence for finding in report.broken}
    assert CAUGHT_BY[fault] in caught
    assert caught[CAUGHT_BY[fault]]
    assert "\n" not in caught[CAUGHT_BY[fault]]
    assert "Traceback" not in caught[CAUGHT_BY[fault]]


def test_each_fault_of_the_program_is_listed():
    source = PROGRAM.read_text()
    assert all(f'"{fault}"' in source for fault in CAUGHT_BY)


def test_each_check_has_a_mutant_that_it_must_catch():
    assert set(CAUGHT_BY.values()) == {check.name for check in CHECKS}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_the_same_program_without_a_fault_passes(seed):
    report = found("", seed=seed)
    assert report.conforms, report.broken
    assert report.count(Verdict.KEPT) > 20
