"""A summary is a cache: right where the log still ends as it did, and of no use in every other case."""

import json
import sqlite3
from contextlib import closing

import pytest
from nascore.errors import DataLossError
from nascore.experiment import archive, experiment_folder, locate, overviews
from nascore.experiment.summary import SUMMARY_NAME, keep, kept
from nascore.journal import reading
from nascore.journal.sqlite_reading import SqliteReader
from nascore.record import ExperimentAction, ExperimentSpec, Failure, FailureKind, Limits, Outcome, OutcomeStatus

NAME = "aaaaaaaa"


@pytest.fixture
def folder(world, tmp_path):
    folder = experiment_folder(tmp_path, NAME)
    folder.mkdir(parents=True)
    world.database = folder / "log.db"
    return folder


@pytest.fixture
async def engine(world, folder, space, two_objectives, request):
    """An experiment at work in a folder of its own; three trials are done, one of them reported."""
    count = getattr(request, "param", 1)
    spec = ExperimentSpec("climber", space=space, seed=1, objectives=two_objectives[:count])
    engine = await (await world.open()).create(spec, request_id="begin", identifier=NAME)
    for accuracy in (0.2, 0.8, 0.4):
        lease = await world.take(engine)
        metrics = {"accuracy": accuracy, "latency": 1 - accuracy}
        await engine.report("w", lease.trial, lease.epoch, world.request("r"), step=1, metrics=metrics)
        outcome = Outcome(OutcomeStatus.COMPLETED, metrics)
        await engine.finish("w", lease.trial, lease.epoch, world.request("f"), outcome=outcome, checkpoint="c")
    return engine


@pytest.fixture
def whole_reads(monkeypatch):
    """Whose logs were read as a whole."""
    read, entries = [], SqliteReader.entries
    monkeypatch.setattr(SqliteReader, "entries", lambda self, name: read.append(name) or entries(self, name))
    return read


def seen(tmp_path):
    (found,) = overviews(tmp_path)
    return found.record, found.best


def in_log(tmp_path):
    loaded = archive.load(tmp_path, NAME)
    return loaded.record, archive.best(loaded)


@pytest.mark.parametrize("engine", [1, 2], indirect=True)
async def test_experiment_that_was_closed_is_listed_without_reading_its_log(engine, world, tmp_path, whole_reads):
    await engine.update("stop", action=ExperimentAction.STOP)
    await world.opened[-1].close()
    found = seen(tmp_path)
    assert whole_reads == []
    assert found == in_log(tmp_path)
    assert found[1][0].reports
    assert found[0].counts == engine.record().counts


async def test_log_that_goes_on_is_read_and_what_it_says_is_kept(engine, world, tmp_path, whole_reads):
    assert seen(tmp_path) == seen(tmp_path)
    assert whole_reads == [NAME]
    await world.done(engine, await world.take(engine), 0.9)
    record, (best,) = seen(tmp_path)
    assert whole_reads == [NAME, NAME]
    assert best.outcome.metrics["accuracy"] == 0.9
    assert (record, (best,)) == in_log(tmp_path)


async def test_experiment_that_failed_and_has_no_best_is_listed(world, folder, space, tmp_path, whole_reads):
    limits = Limits(max_failures_in_a_row=1)
    spec = ExperimentSpec("climber", {"most": 5}, limits=limits, space=space, name="é")
    engine = await (await world.open()).create(spec, request_id="begin", identifier=NAME)
    lease = await world.take(engine)
    outcome = Outcome(OutcomeStatus.FAILED, failure=Failure(FailureKind.SIGNAL, "killed"))
    await engine.finish("w", lease.trial, lease.epoch, "f", outcome=outcome)
    await world.opened[-1].close()
    record, best = seen(tmp_path)
    assert (record, best) == in_log(tmp_path)
    assert (best, record.trouble != "") == ((), True)
    assert whole_reads == [NAME]  # By the archive alone.


@pytest.mark.parametrize(
    "harm",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "[]",
        lambda text: text.replace("0.8", "0.9", 1),
        lambda text: json.dumps({**json.loads(text), "format": 2}),
        lambda text: json.dumps({**json.loads(text), "checksum": 0}),
        lambda text: "[" * 100_000,
    ],
)
async def test_damaged_summary_is_not_used_but_replaced(engine, world, folder, tmp_path, whole_reads, harm):
    await world.opened[-1].close()
    summary = folder / SUMMARY_NAME
    good = summary.read_text()
    summary.write_text(harm(good))
    assert seen(tmp_path) == in_log(tmp_path)
    assert whole_reads == [NAME, NAME]
    assert summary.read_text() == good
    assert sorted(path.name for path in folder.glob(".*")) == []


async def test_summary_of_another_log_is_not_used(engine, world, folder, tmp_path, whole_reads):
    await world.opened[-1].close()
    with closing(sqlite3.connect(folder / "log.db")) as log, log:  # As after a copy was put back and went on.
        log.execute("UPDATE events SET time = time + 1 WHERE seq = (SELECT max(seq) FROM events)")
    seen(tmp_path)
    assert whole_reads == [NAME]


async def test_damage_at_the_end_of_a_log_is_told_in_spite_of_a_summary(engine, world, folder, tmp_path, caplog):
    await world.opened[-1].close()
    with closing(sqlite3.connect(folder / "log.db")) as log, log:
        log.execute("UPDATE events SET payload = '{}' WHERE seq = (SELECT max(seq) FROM events)")
    assert overviews(tmp_path) == ()
    assert "is not what was written" in caplog.text
    with pytest.raises(DataLossError):
        archive.load(tmp_path, NAME)


async def test_summary_that_cannot_be_written_is_done_without(engine, world, folder, tmp_path):
    with reading(folder / "log.db") as reader:
        last = reader.last(NAME)
    keep(folder / "nowhere", engine.summary(), last)
    assert kept(folder / "nowhere", last) is None
    assert seen(tmp_path) == in_log(tmp_path)


async def test_locating_reads_no_whole_log(engine, tmp_path, whole_reads):
    for word in ("last", NAME, NAME[:3]):
        place = locate(tmp_path, word)
        assert (place.record.id, place.folder.name) == (NAME, NAME)
    assert whole_reads == []
