"""Evidence is kept beside the histories, and judged again from the folder alone."""

import pytest
from click.testing import CliRunner
from nascore.errors import DataLossError, NotFoundError
from nascore.experiment.events import Asked, Created, Finished, Leased, payload
from nascore.journal import Entry, SqliteJournal
from nascore.record import ExperimentSpec, Outcome, OutcomeStatus, Proposal, proposal_seed
from nascore.space import Architecture, SearchSpace
from nascore.testing import choice
from nascore.testing.checker import Rule, entries_of_database, judged_folder, keep_log
from nascore.testing.checker.__main__ import main
from nascore.testing.history import Recorder

SPEC = ExperimentSpec("random", seed=7, space=SearchSpace((choice("x", "a", "b"),)))
LOG = (
    Created(SPEC, "digest", "create"),
    Asked(Proposal(0, Architecture({"x": "a"})), proposal_seed(7, 0), 0),
    Leased(0, 1, 1, "w", "lease"),
    Finished(0, 1, Outcome(OutcomeStatus.COMPLETED, {"accuracy": 0.5}), "", "finish"),
)


@pytest.fixture
def folder(tmp_path):
    """Evidence of a worker whose finish was acknowledged."""
    keep_log(tmp_path, [Entry(seq, event.kind, payload(event), 1.0, 1.0) for seq, event in enumerate(LOG, 1)])
    with Recorder(tmp_path / "history", "w") as recorder:
        outcome = {"status": "completed", "metrics": {"accuracy": 0.5}}
        said = {"outcome": outcome, "is_retryable": False, "checkpoint": ""}
        recorder.invoke("finish", "w", request_id="finish", trial=0, epoch=1, **said).ok({"next": None})
    return tmp_path


def test_a_folder_without_evidence_is_refused(tmp_path):
    with pytest.raises(NotFoundError, match="no evidence"):
        judged_folder(tmp_path)


def test_a_log_that_cannot_be_read_is_named(folder):
    (folder / "log.jsonl").write_text("{")
    with pytest.raises(DataLossError, match=r"log\.jsonl"):
        judged_folder(folder)


def test_kept_evidence_is_judged_again(folder):
    assert judged_folder(folder).violations == ()
    result = CliRunner().invoke(main, [str(folder)])
    assert (result.exit_code, result.output) == (0, "1 operations, 1 acknowledged, 1 trials, 0 violations.\n")


def test_a_log_that_lost_its_end_is_found_again(folder):
    lines = (folder / "log.jsonl").read_text().splitlines(keepends=True)
    (folder / "log.jsonl").write_text("".join(lines[:-1]))
    rules = [violation.rule for violation in judged_folder(folder).violations]
    assert rules == [Rule.LOST, Rule.STUCK]
    result = CliRunner().invoke(main, [str(folder)])
    assert result.exit_code == 1
    assert "[lost] w finished trial 0 with epoch 1 as completed {'accuracy': 0.5} (request finish)" in result.output


async def test_the_newest_log_of_a_database_is_read_or_the_one_that_is_named(tmp_path):
    journal = await SqliteJournal.open(tmp_path / "log.db")
    for name in ("first", "second"):
        await journal.append(name, [Entry(1, "exhausted", "{}", 1.0, 1.0)])
    await journal.append("first", [Entry(2, "exhausted", "{}", 2.0, 2.0)])
    await journal.close()
    assert [entry.seq for entry in entries_of_database(tmp_path / "log.db")] == [1]
    assert [entry.seq for entry in entries_of_database(tmp_path / "log.db", "first")] == [1, 2]
    with pytest.raises(NotFoundError, match=r"no experiment 'missing'; it has \['first', 'second'\]"):
        entries_of_database(tmp_path / "log.db", "missing")
