"""A tuner is asked without await; what it refuses and how it fails comes through, and nothing is left behind."""

from __future__ import annotations

import threading
from random import Random

import pytest
from nas_optuna.session import Session
from nascore.errors import NotFoundError, SettingsError, TunerCrashedError
from nascore.record import AskStatus, Objective, Outcome, OutcomeStatus, Proposal
from nascore.testing.spaces import KNOWN_SPACES
from nascore.tuner import NoProposal, Settings, Setup, Tuner

SETUP = Setup(KNOWN_SPACES["nested"], (Objective("accuracy"),), 7)


class Fragile(Tuner[Settings]):
    """Proposes by chance, knows how much it was told, raises at one number and ends at another."""

    name = "fragile"
    has_raised = False

    def __init__(self, setup: Setup, settings: Settings) -> None:
        super().__init__(setup, settings)
        self.told = 0

    def ask(self, number: int, seed: int) -> Proposal | NoProposal:
        if number == 3 and not Fragile.has_raised:
            Fragile.has_raised = True
            raise ValueError("on purpose")
        if number == 9:
            return NoProposal.EXHAUSTED
        return Proposal(number, self.space.sample(Random(seed)), notes={"told": self.told})

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        self.told += 1


def threads() -> set[threading.Thread]:
    return {each for each in threading.enumerate() if each.name == "nascore tuner" and each.is_alive()}


def test_refusals_come_through_and_leave_no_thread() -> None:
    before = threads()
    with pytest.raises(NotFoundError, match="No tuner 'nobody' is installed"):
        Session("nobody", SETUP, {})
    with pytest.raises(SettingsError, match="sample_size"):
        Session("regularized-evolution", SETUP, {"sample_size": 0})
    assert threads() <= before


def test_tuner_that_raises_is_made_anew_and_knows_what_it_was_told() -> None:
    Fragile.has_raised = False
    session = Session(Fragile, SETUP, {})
    first = session.ask(0, 1, [])
    assert isinstance(first, Proposal)
    told = [(first, Outcome(OutcomeStatus.COMPLETED, {"accuracy": 0.5}))]
    assert session.ask(1, 2, told) is not None
    with pytest.raises(TunerCrashedError, match="on purpose"):
        session.ask(3, 4, [])
    again = session.ask(3, 4, [])
    assert isinstance(again, Proposal)
    assert again.notes == {"told": 1}
    session.close()


def test_end_is_an_answer() -> None:
    session = Session(Fragile, SETUP, {})
    assert session.ask(9, 1, []) is AskStatus.EXHAUSTED
    session.close()
    session.close()
