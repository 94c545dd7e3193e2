"""The book of samples, and the exchange in this process; the example of the document runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from nascore.errors import InvalidInputError, StateError
from nascore.record import AskStatus, Objective, Outcome, OutcomeStatus, Proposal, Schedule
from nascore.testing.supernets import SPACE, answered, searched, went_on
from nascore.tuner import Setup, load_tuner
from nascore.tuner.samples import LocalExchange, SampleBook, lost_with

TOYS = Path(__file__).parents[1] / "cli" / "toys"
DONE = Outcome(OutcomeStatus.COMPLETED, {"loss": 1.0})


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> LocalExchange:
    monkeypatch.syspath_prepend(str(TOYS))
    setup = Setup(SPACE, (Objective("accuracy"),), seed=1, schedule=Schedule(2))
    return LocalExchange(load_tuner("learner")[0], setup, {}, 7)


def test_search_in_this_process_derives_what_has_the_steepest_slope(exchange: LocalExchange) -> None:
    assert len(searched(exchange)) == 16
    assert dict(exchange.derive(1)[0].architecture) == {"a": "good", "b": "good"}
    exchange.close()
    with pytest.raises(StateError, match="has not begun"):
        exchange.exchange([], 1)


def test_snapshot_and_rest_give_the_same_samples(exchange: LocalExchange) -> None:
    whole = searched(exchange)
    exchange.begin(batches_per_epoch=4)
    first = exchange.exchange([], 2).samples
    assert exchange.exchange([(sample.number, answered(sample)) for sample in first], 0).status is AskStatus.OK
    saved = exchange.snapshot()
    exchange.begin(batches_per_epoch=4, snapshot=saved, next_sample=2)
    assert [*first, *went_on(exchange)] == whole


def test_book_numbers_outcomes_and_answers_for_the_lost() -> None:
    book = SampleBook(3, lost=lost_with)
    book.give("one", [Proposal(0), Proposal(1)])
    book.give("two", [Proposal(2)])
    assert (book.next_sample, book.pending, book.of("one")) == (3, 3, [0, 1])
    book.lose("one")
    told = book.take("two", [(2, DONE)])
    assert [(seq, sample.number, outcome.status) for seq, sample, outcome in told] == [
        (1, 0, OutcomeStatus.FAILED),
        (2, 1, OutcomeStatus.FAILED),
        (3, 2, OutcomeStatus.COMPLETED),
    ]
    assert (book.told, book.pending, book.out()) == (3, 0, ())


def test_outcome_of_anothers_sample_is_refused_and_nothing_is_taken() -> None:
    book = SampleBook(3, lost=lost_with)
    book.give("one", [Proposal(0)])
    with pytest.raises(InvalidInputError, match="worker 'two' has no sample 0"):
        book.take("two", [(0, DONE)])
    assert (book.told, book.pending) == (0, 1)


def test_example_of_the_document_runs() -> None:
    text = (Path(__file__).parents[3] / "docs" / "trust-report.md").read_text()
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert code is not None
    done = subprocess.run([sys.executable, "-c", code[1]], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("24 "), done.stderr
