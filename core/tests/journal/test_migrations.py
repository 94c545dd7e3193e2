"""Steps from one version of the tables to the next, on both databases; and the stored database of version 1."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from nascore.errors import DataLossError, ExhaustedResourceError
from nascore.experiment import Experiments, archive
from nascore.journal import Holder, TunerSnapshot
from nascore.journal.migrations import Step, newest
from nascore.journal.sqlite_schema import SCHEMA_VERSION, STEPS, copy_file
from nascore.record import LeaseStatus, Outcome, OutcomeStatus, TrialState
from nascore.tuner import LocalSession, load_tuner

GOLDEN = Path(__file__).with_name("golden")


def steps_of(database):
    """The real steps, and two that a test adds."""
    real, events = STEPS, "events"
    if database.kind == "postgres":
        from nascore.journal import postgres_schema  # noqa: PLC0415 - an extra

        real, events = postgres_schema.STEPS, "nascore_events"
    return (
        *real,
        Step(2, ("CREATE TABLE extra_two (x integer)", f"INSERT INTO extra_two SELECT count(*) FROM {events}")),
        Step(3, ("ALTER TABLE extra_two ADD COLUMN y integer", "UPDATE extra_two SET y = x + 1")),
    )


def version_of(database):
    query = "PRAGMA user_version" if database.kind == "sqlite" else "SELECT version FROM nascore_schema"
    return database.execute(query)[0][0]


async def test_old_database_gets_the_steps_it_lacks_and_keeps_its_entries(database, journal, entry):
    await journal.append("one", [entry(1), entry(2)])
    await journal.close()
    assert version_of(database) == 1
    again = await database.open(steps=steps_of(database))
    assert version_of(database) == 3
    assert database.execute("SELECT x, y FROM extra_two") == [(2, 3)]
    await again.append("one", [entry(3)])
    await again.close()
    last = await database.open(steps=steps_of(database))
    assert await last.read("one") == [entry(1), entry(2), entry(3)]
    assert database.execute("SELECT x, y FROM extra_two") == [(2, 3)]


async def test_new_database_takes_all_steps_at_once(database, tmp_path):
    await database.open(steps=steps_of(database))
    assert version_of(database) == 3
    assert list(tmp_path.glob("*version*")) == []


@pytest.mark.parametrize("at", [1, 2])
async def test_step_that_fails_is_wholly_undone_and_taken_the_next_time(database, journal, entry, armed, at):
    await journal.append("one", [entry(1)])
    await journal.close()
    armed(f"journal.before_migration=error:ENOSPC@{at}")
    with pytest.raises(ExhaustedResourceError, match="failpoint"):
        await database.open(steps=steps_of(database))
    assert version_of(database) == at
    assert await (await database.open(steps=steps_of(database))).read("one") == [entry(1)]
    assert database.execute("SELECT x, y FROM extra_two") == [(1, 2)]


async def test_wrong_step_leaves_the_database_as_it_was(database, journal, entry):
    await journal.append("one", [entry(1)])
    await journal.close()
    wrong = (*steps_of(database), Step(4, ("INSERT INTO extra_two VALUES (9, 9)", "DELETE FROM nowhere")))
    with pytest.raises(Exception, match="nowhere"):
        await database.open(steps=wrong)
    assert version_of(database) == 3
    assert database.execute("SELECT count(*) FROM extra_two") == [(1,)]


async def test_copy_is_made_before_an_old_file_is_changed(sqlite, entry, tmp_path):
    journal = await sqlite.open()
    await journal.append("one", [entry(1)])
    await journal.close()
    copy = copy_file(sqlite.path, 1)
    copy.write_bytes(b"from an attempt that was killed, before an older nascore wrote more")
    sqlite.path.chmod(0o600)
    await sqlite.open(steps=steps_of(sqlite))
    assert copy == tmp_path / "log.db.version-1"
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchone() == (1,)
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("PRAGMA application_id").fetchone() != (0,)


async def test_no_step_is_taken_without_its_copy(sqlite, entry, armed, tmp_path):
    await (await sqlite.open()).close()
    armed("journal.before_copy=error:ENOSPC")
    with pytest.raises(ExhaustedResourceError):
        await sqlite.open(steps=steps_of(sqlite))
    assert version_of(sqlite) == 1
    assert list(tmp_path.glob("*version*")) == []


KILLED = """
import sqlite3, sys
from pathlib import Path
from nascore import failpoints
from nascore.journal.migrations import Step
from nascore.journal.sqlite_schema import STEPS, connect
failpoints.arm(sys.argv[2])
made = ("CREATE TABLE extra_two (x integer)", "INSERT INTO extra_two SELECT count(*) FROM events")
steps = (*STEPS, Step(2, made), Step(3, ("ALTER TABLE extra_two ADD COLUMN y integer",)))
connect(Path(sys.argv[1]), steps=steps)
"""


@pytest.mark.parametrize(
    ("point", "version"),
    [("before_copy@1", 1), ("after_copy@1", 1), ("before_migration@1", 1), ("after_migration@1", 2)],
)
async def test_migration_that_is_killed_goes_on_where_it_was(sqlite, entry, point, version):
    journal = await sqlite.open()
    await journal.append("one", [entry(1)])
    await journal.close()
    name, _, at = point.partition("@")
    command = [sys.executable, "-c", KILLED, str(sqlite.path), f"journal.{name}=kill@{at}"]
    assert subprocess.run(command, check=False).returncode == -9
    assert version_of(sqlite) == version
    again = await sqlite.open(steps=steps_of(sqlite))
    assert await again.read("one") == [entry(1)]
    assert version_of(sqlite) == 3


def test_steps_are_numbered_without_gaps():
    with pytest.raises(ValueError, match=r"not \[1, 3\]"):
        newest((Step(1, ()), Step(3, ())))


def restored(path):
    """Make the stored database of version 1: an experiment of six trials, three of them done and one at work."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript((GOLDEN / "sqlite_version_1.sql").read_text())


async def test_stored_database_of_version_1_opens_and_goes_on(tmp_path):
    path = tmp_path / "log.db"
    restored(path)
    assert archive.load_database(path).record.spec.name == "old"

    async def connect(*_):
        return LocalSession(load_tuner("random")[0])

    experiments = await Experiments.open(path, holder=Holder(1, "here"), connect=connect)
    engine = experiments.get("oldoldol")
    assert [trial.outcome.metrics for trial in engine.trials()[:3]] == [{"accuracy": n / 4} for n in range(3)]
    assert engine.record().counts[TrialState.RUNNING] == 1
    answer = await engine.lease("w", "again")
    assert (answer.status, answer.lease.trial) == (LeaseStatus.GRANTED, 4)
    outcome = Outcome(OutcomeStatus.COMPLETED, {"accuracy": 0.9})
    await engine.finish("w", 4, answer.lease.epoch, "finish-4", outcome=outcome)
    await experiments.close()
    assert archive.load_database(path).record.counts[TrialState.SUCCEEDED] == 4


async def test_stored_database_of_version_1_keeps_all_through_later_steps(sqlite, tmp_path):
    restored(sqlite.path)
    journal = await sqlite.open(steps=steps_of(sqlite))
    entries = await journal.read("oldoldol")
    assert [item.seq for item in entries] == list(range(1, len(entries) + 1))
    assert TunerSnapshot(2, 3, b"a state") in await journal.snapshots("oldoldol")
    assert await journal.deletions() == {"gone": "deleted2"}
    assert version_of(sqlite) == 3
    assert copy_file(sqlite.path, 1).exists()


async def test_damage_in_a_stored_database_is_found_whatever_its_version(sqlite):
    restored(sqlite.path)
    sqlite.execute("UPDATE {events} SET payload = replace(payload, 'conv3', 'conv5') WHERE seq = 2")
    journal = await sqlite.open(steps=steps_of(sqlite))
    with pytest.raises(DataLossError, match="entry 2 is not what was written"):
        await journal.read("oldoldol")


def test_there_is_a_stored_database_of_every_version():
    assert [path.name for path in sorted(GOLDEN.glob("sqlite_*"))] == [
        f"sqlite_version_{version}.sql" for version in range(1, SCHEMA_VERSION + 1)
    ]
