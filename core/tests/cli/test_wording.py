"""Architectures in one line: what stands first, what is left out, and that nothing is left out in silence."""

import pytest
from nascore.cli.wording import alike_paths, architecture_text, count_text
from nascore.record import Proposal, TrialRecord, TrialState
from nascore.space import Architecture

DECISIONS = {"depth": 2, "depth[0]/act": "relu", "depth[1]/act": "gelu", "head": "mean", "stem": "full"}


def trial(number=0, **more):
    return TrialRecord(number, TrialState.QUEUED, Proposal(number, Architecture({**DECISIONS, **more})))


def test_outer_decisions_stand_before_inner_ones():
    assert architecture_text(trial()) == "depth=2 head=mean stem=full depth[0]/act=relu depth[1]/act=gelu"


@pytest.mark.parametrize("room", [12, 25, 40, 60])
def test_what_does_not_fit_is_counted(room):
    text = architecture_text(trial(), room=room)
    assert len(text) <= room
    assert text.endswith(" more") or text == "5 decisions"


def test_what_fits_is_whole():
    whole = architecture_text(trial())
    assert architecture_text(trial(), room=len(whole)) == whole
    assert architecture_text(trial(), room=len(whole) - 1) != whole


def test_decisions_that_differ_stand_before_those_that_are_alike():
    trials = [trial(), trial(1, stem="pooled")]
    alike = alike_paths(trials)
    assert alike == set(DECISIONS) - {"stem"}
    assert architecture_text(trials[1], room=25, alike=alike) == "stem=pooled … 4 more"
    assert alike_paths(trials[:1]) == frozenset()


def test_numbers_agree_with_their_nouns():
    assert [count_text(count, "trial") for count in (0, 1, 2)] == ["0 trials", "1 trial", "2 trials"]
