"""The checker passes a history that is as it should be, and names each kind of lie in one that is not."""

from dataclasses import replace

import pytest
from nascore.experiment import events
from nascore.record import (
    ExperimentSpec,
    Failure,
    FailureKind,
    Outcome,
    OutcomeStatus,
    Proposal,
    Report,
    Verdict,
    proposal_seed,
    trial_seed,
)
from nascore.record.jsonform import outcome_to_json, proposal_to_json
from nascore.space import Architecture, SearchSpace
from nascore.testing import choice
from nascore.testing.checker import Logged, Rule, judged
from nascore.testing.history import Operation, Status

SPEC = ExperimentSpec("random", seed=7, space=SearchSpace((choice("x", "a", "b"),)))
LOST = "LEASE_SUPERSEDED"


def proposal(number):
    return Proposal(number, Architecture({"x": "ab"[number % 2]}))


def completed(value):
    return Outcome(OutcomeStatus.COMPLETED, {"accuracy": value})


class Book:
    """A log that is written by hand; entry n was written at Unix time n."""

    def __init__(self):
        self.log = []
        self.add(events.Created(SPEC, "digest", "create"))

    def add(self, event):
        seq = len(self.log) + 1
        self.log.append(Logged(seq, float(seq), event))
        return seq

    def asked(self, number, *, told_through=0, seed=None):
        known = proposal_seed(SPEC.seed, number)
        return self.add(events.Asked(proposal(number), known if seed is None else seed, told_through))

    def leased(self, number, epoch, worker="w", *, request=None):
        return self.add(events.Leased(number, epoch, epoch, worker, request or f"lease-{number}-{epoch}"))

    def finished(self, number, epoch, value=0.5, *, request=None):
        request = request or f"finish-{number}-{epoch}"
        return self.add(events.Finished(number, epoch, completed(value), f"epoch-{epoch}", request))


def operation(call, worker, request_id="", *, at=100.0, status=Status.ACKNOWLEDGED, answer=None, reason="", **said):
    return Operation(call, worker, request_id, said, at, at, status, answer or {}, reason, at + 0.01, at + 0.01)


def granted(number, epoch):
    return {
        "status": "granted",
        "trial": number,
        "epoch": epoch,
        "attempt": epoch,
        "seed": trial_seed(SPEC.seed, number),
        "proposal": proposal_to_json(proposal(number)),
    }


def lease(number, epoch, worker="w", **parts):
    return operation("lease", worker, f"lease-{number}-{epoch}", **{"answer": granted(number, epoch), **parts})


def finish(number, epoch, value=0.5, worker="w", *, request=None, following=None, is_retryable=False, **parts):
    outcome = outcome_to_json(completed(value)) | {"metrics": {"accuracy": value}}
    return operation(
        "finish",
        worker,
        request or f"finish-{number}-{epoch}",
        **{"answer": {"next": following}, **parts},
        trial=number,
        epoch=epoch,
        outcome=outcome,
        is_retryable=is_retryable,
        checkpoint=f"epoch-{epoch}",
    )


def report(number, epoch, step, **parts):
    return operation(
        "report",
        "w",
        f"report-{number}-{step}",
        **{"answer": {"verdict": "continue"}, **parts},
        trial=number,
        epoch=epoch,
        step=step,
        metrics={"loss": 0.5},
    )


def reported(number, epoch, step):
    return events.Reported(Report(number, step, {"loss": 0.5}), epoch, Verdict.CONTINUE, f"report-{number}-{step}")


@pytest.fixture
def book():
    """One trial that was lost by w, and ended by v."""
    book = Book()
    book.asked(0)
    book.leased(0, 1)
    book.add(reported(0, 1, 1))
    book.add(events.Lost(0, 1))
    book.leased(0, 2, "v")
    book.finished(0, 2)
    return book


def broken(book, *operations, holders=()):
    return [violation.rule for violation in judged(operations, book.log, holders=holders).violations]


def test_a_history_that_is_as_it_should_be_passes(book):
    book.asked(1, told_through=7)
    book.leased(1, 1, request="finish-0-2/next")
    book.add(events.Retried(1, 1, Failure(FailureKind.EXCEPTION, "x"), "finish-1-1"))
    book.leased(1, 2)
    book.add(events.Returned(1, 2, "return"))
    book.leased(1, 3)
    said = [
        lease(0, 1),
        report(0, 1, 1),
        operation("renew", "w", trial=0, epoch=1, at=3.5),
        finish(0, 1, status=Status.REFUSED, reason=LOST, answer={}),
        lease(0, 2, "v"),
        finish(0, 2, worker="v", status=Status.UNKNOWN, answer={}),
        finish(0, 2, worker="v", following=None),
        finish(1, 1, is_retryable=True),
        lease(1, 2),
        operation("return_lease", "w", "return", trial=1, epoch=2),
        lease(1, 3, status=Status.UNKNOWN, answer={}),
        operation("lease", "v", "other", answer={"status": "none_yet"}),
        operation(
            "get_trial",
            "reader",
            trial=0,
            answer={
                "state": "succeeded",
                "epoch": 2,
                "worker": "v",
                "outcome": {**outcome_to_json(completed(0.5)), "metrics": {"accuracy": 0.5}},
                "checkpoint": "epoch-2",
            },
        ),
    ]
    judgement = judged(said, book.log, holders=["w"])
    assert judgement.violations == ()
    assert (judgement.trials, judgement.ended, judgement.zombies) == (2, 1, 1)
    assert (judgement.operations, judgement.unknown, judgement.finishes) == (13, 2, 2)


# --- what the log says by itself ------------------------------------------------------------------------------------


def test_a_trial_that_ends_twice_is_found(book):
    book.finished(0, 2, 0.7, request="again")
    assert broken(book) == [Rule.TWICE]


def test_a_request_with_two_effects_is_found(book):
    book.asked(1)
    book.leased(1, 1, "v", request="lease-0-2")
    assert Rule.TWICE in broken(book, holders=["v"])


def test_a_step_that_is_reported_again_is_found(book):
    book.asked(1)
    book.leased(1, 1)
    book.add(reported(1, 1, 2))
    book.add(replace(reported(1, 1, 2), request_id="other"))
    assert broken(book, holders=["w"]) == [Rule.TWICE]


def test_an_outcome_of_a_lost_epoch_is_found(book):
    book.asked(1)
    book.leased(1, 1)
    book.add(events.Lost(1, 1))
    book.leased(1, 2, "v")
    book.finished(1, 1)
    (violation,) = judged([], book.log).violations
    assert violation.rule is Rule.ZOMBIE
    assert "came with epoch 1, while v held it with 2" in violation.sentence


def test_a_word_about_a_trial_that_nobody_holds_is_found(book):
    book.asked(1)
    book.add(reported(1, 1, 1))
    assert broken(book) == [Rule.ZOMBIE]


@pytest.mark.parametrize("epoch", [1, 2, 4])
def test_an_epoch_that_does_not_rise_by_one_is_found(epoch):
    book = Book()
    book.asked(0)
    book.leased(0, 1)
    book.add(events.Lost(0, 1))
    book.leased(0, 2)
    book.add(events.Lost(0, 2))
    book.leased(0, epoch, request="third")
    assert broken(book, holders=["w"]) == [Rule.HOLDER]


def test_a_lease_of_a_trial_that_is_held_is_found():
    book = Book()
    book.asked(0)
    book.leased(0, 1)
    book.leased(0, 2, "v")
    assert broken(book, holders=["v"]) == [Rule.HOLDER]


def test_trials_and_entries_out_of_order_are_found():
    book = Book()
    book.asked(1)
    book.leased(5, 1)
    book.log.append(Logged(9, 9.0, events.Exhausted()))
    assert broken(book) == [Rule.STORY, Rule.STORY, Rule.LOST]


def test_a_proposal_of_another_seed_is_found():
    book = Book()
    book.asked(0, seed=1)
    assert broken(book) == [Rule.STORY]


def test_a_proposal_as_of_no_outcome_or_of_an_earlier_one_is_found(book):
    book.asked(1, told_through=7)
    book.asked(2, told_through=6)
    assert broken(book) == [Rule.TOLD, Rule.TOLD]
    book.log.pop()
    book.asked(2, told_through=0)
    assert broken(book) == [Rule.TOLD]


def test_a_trial_that_nobody_holds_in_the_end_is_found(book):
    book.asked(1)
    book.leased(1, 1)
    assert broken(book, holders=["v"]) == [Rule.STUCK]
    assert broken(book, holders=["w"]) == []


# --- what workers were told -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        (finish(0, 2, 0.6, "v"), Rule.LOST),
        (finish(0, 1), Rule.LOST),
        (finish(3, 1), Rule.LOST),
        (finish(0, 2, worker="v", following=granted(1, 1)), Rule.LOST),
        (lease(0, 3), Rule.LOST),
        (lease(3, 1), Rule.LOST),
        (lease(0, 1, "u"), Rule.HOLDER),
        (replace(lease(0, 1), request_id="other"), Rule.HOLDER),
        (replace(lease(0, 1), answer=granted(0, 1) | {"seed": 5}), Rule.LOST),
        (replace(lease(0, 1), answer=granted(0, 1) | {"proposal": proposal_to_json(proposal(1))}), Rule.LOST),
        (report(0, 1, 2), Rule.LOST),
        (report(0, 1, 1, answer={"verdict": "stop"}), Rule.LOST),
        (operation("return_lease", "w", "gone", trial=0, epoch=1), Rule.LOST),
        (operation("renew", "u", trial=0, epoch=1), Rule.ZOMBIE),
        (operation("renew", "w", trial=0, epoch=1, at=5.5), Rule.ZOMBIE),
    ],
)
def test_a_word_that_was_acknowledged_and_is_not_so_in_the_log_is_found(book, said, rule):
    assert rule in broken(book, said)


def test_a_checkpoint_that_was_acknowledged_and_is_another_one_is_found(book):
    said = finish(0, 2, worker="v")
    assert broken(book, replace(said, arguments=said.arguments | {"checkpoint": "mine"})) == [Rule.LOST]


def test_a_retry_that_was_acknowledged_and_never_logged_is_found(book):
    assert broken(book, finish(0, 1, is_retryable=True)) == [Rule.LOST]


def test_what_is_not_a_number_must_be_stored_as_such(book):
    book.asked(1)
    book.leased(1, 1)
    failure = Failure(FailureKind.NON_FINITE, "NaN")
    book.add(events.Finished(1, 1, Outcome(OutcomeStatus.NON_FINITE, failure=failure), "epoch-1", "finish-1-1"))
    said = finish(1, 1)
    strange = said.arguments["outcome"] | {"metrics": {"accuracy": "nan"}}
    assert broken(book, replace(said, arguments=said.arguments | {"outcome": strange})) == []
    assert broken(book, said) == [Rule.LOST]


def test_two_workers_with_the_same_epoch_are_found_whatever_the_log_says(book):
    assert broken(book, lease(0, 1), lease(0, 1, "u")).count(Rule.HOLDER) == 2


def test_a_refused_request_that_had_an_effect_is_found(book):
    assert broken(book, finish(0, 2, worker="v", status=Status.REFUSED, reason="INVALID_METRIC")) == [Rule.REFUSED]


def test_a_request_refused_after_it_was_acknowledged_is_no_contradiction(book):
    refused = finish(0, 2, worker="v", status=Status.REFUSED, reason="CONFLICT")
    assert broken(book, finish(0, 2, worker="v"), refused) == []


@pytest.mark.parametrize("ends_at", [None, 200.0])
def test_a_holder_that_was_refused_as_a_zombie_is_found(ends_at):
    book = Book()
    book.asked(0)
    book.leased(0, 1)
    if ends_at is not None:
        book.log.append(Logged(4, ends_at, events.Lost(0, 1)))
    said = finish(0, 1, status=Status.REFUSED, reason=LOST)
    assert broken(book, said, holders=["w"]) == [Rule.ZOMBIE]


@pytest.mark.parametrize(
    "seen",
    [
        {"trial": 0, "state": "succeeded", "epoch": 2, "worker": "v", "metrics": {"accuracy": 0.6}},
        {"trial": 0, "state": "succeeded", "epoch": 1, "worker": "w", "metrics": {"accuracy": 0.5}},
        {"trial": 0, "state": "running", "epoch": 3, "worker": "u"},
        {"trial": 0, "state": "running", "epoch": 1, "worker": "u"},
        {"trial": 4, "state": "queued", "epoch": 0, "worker": ""},
    ],
)
def test_what_was_read_and_is_not_stored_is_found(book, seen):
    metrics = seen.pop("metrics", None)
    outcome = None if metrics is None else {**outcome_to_json(completed(0.5)), "metrics": metrics}
    answer = {**seen, "outcome": outcome, "checkpoint": ""}
    assert broken(book, operation("get_trial", "reader", trial=answer.pop("trial"), answer=answer)) == [Rule.READ]
