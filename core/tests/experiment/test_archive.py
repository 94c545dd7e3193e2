"""Reading what is below a home: only as much as is needed, and nothing damaged hides the rest."""

import logging
import sqlite3
from contextlib import closing

import pytest
from nascore.errors import DataLossError, NotFoundError
from nascore.experiment import archive, database_of, experiment_folder, overviews, remember_database
from nascore.journal import parse_location
from nascore.journal.sqlite_reading import SqliteReader
from nascore.record import ExperimentSpec


@pytest.fixture
async def two(world, tmp_path):
    """Two folders with an experiment each; the newer one is called ``second``."""
    engines = []
    for identifier, name in (("aaaaaaaa", "first"), ("bbbbbbbb", "second")):
        folder = experiment_folder(tmp_path, identifier)
        folder.mkdir(parents=True)
        world.database = folder / "log.db"
        world.clock.now += 1
        engine = await world.begin(name=name)
        await world.done(engine, await world.take(engine), 0.5)
        engines.append(engine)
        await world.opened[-1].close()
    return engines


def damage(database, seq):
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE events SET payload = '{}' WHERE seq = ?", (seq,))


@pytest.fixture
def whole_reads(monkeypatch):
    """Whose logs were read as a whole."""
    read, entries = [], SqliteReader.entries
    monkeypatch.setattr(SqliteReader, "entries", lambda self, name: read.append(name) or entries(self, name))
    return read


@pytest.mark.parametrize("word", ["last", "second", "prefix", "id"])
async def test_only_the_log_that_is_meant_is_read_as_a_whole(two, tmp_path, whole_reads, word):
    meant = two[1].id
    found = archive.load(tmp_path, {"prefix": meant[:5], "id": meant}.get(word, word))
    assert (found.record.id, found.record.spec.name) == (meant, "second")
    assert whole_reads == [meant]
    assert found.trials == two[1].trials()


async def test_damage_is_told_of_the_log_that_is_meant_and_no_other(two, tmp_path, caplog):
    damage(experiment_folder(tmp_path, "aaaaaaaa") / "log.db", 3)
    caplog.set_level(logging.WARNING)
    assert archive.load(tmp_path, "last").record.id == two[1].id
    assert caplog.text == ""
    with pytest.raises(DataLossError, match="entry 3 is not what was written"):
        archive.load(tmp_path, "first")
    assert [record.id for record in archive.find(tmp_path)] == [two[1].id]
    assert "aaaaaaaa" in caplog.text


async def test_shared_database_gives_each_folder_its_own(world, space, tmp_path):
    world.database = tmp_path / "shared.db"
    experiments = await world.open()
    for identifier in ("aaaaaaaa", "bbbbbbbb", "cccccccc"):
        spec = ExperimentSpec("climber", space=space)
        await experiments.create(spec, request_id=identifier, identifier=identifier)
    for identifier in ("aaaaaaaa", "bbbbbbbb", "dddddddd"):
        folder = experiment_folder(tmp_path, identifier)
        folder.mkdir(parents=True)
        remember_database(folder, world.database)
    found = overviews(tmp_path)
    assert sorted((one.record.id, one.folder.name) for one in found) == [
        (name, name) for name in ("aaaaaaaa", "bbbbbbbb")
    ]
    assert archive.load(tmp_path, "bbbbbbbb").folder.name == "bbbbbbbb"
    with pytest.raises(NotFoundError):
        archive.load(tmp_path, "cccccccc")
    with pytest.raises(NotFoundError):
        archive.load(tmp_path, "dddddddd")


async def test_experiment_in_postgres_is_searched_and_read_as_from_a_file(world, tmp_path, postgres):
    schema = postgres.new_schema()
    world.database = parse_location(postgres.url(schema))
    engine = await world.begin(name="far")
    for accuracy in (0.2, 0.8, 0.4):
        await world.done(engine, await world.take(engine), accuracy)
    await engine.settled()
    folder = experiment_folder(tmp_path, engine.id)
    folder.mkdir(parents=True)
    remember_database(folder, world.database)
    loaded = archive.load(tmp_path, "far")
    assert loaded.trials == engine.trials()
    assert archive.best(loaded) == engine.best()
    assert (loaded.folder, loaded.database) == (folder, world.database)
    postgres.execute("SELECT pg_terminate_backend(backend, 5000) FROM nascore_writer", schema=schema)
    lease = None
    for _ in range(20):
        try:
            lease = await world.take(engine)
            break
        except Exception:
            continue
    await world.done(engine, lease)
    again = await world.again()
    assert [trial.outcome for trial in again.trials()[:4]] == [trial.outcome for trial in engine.trials()[:4]]


def test_password_is_not_written_down(tmp_path):
    remember_database(tmp_path, parse_location("postgresql://u:canary@h/db"))
    assert (tmp_path / "database").read_text() == "postgresql://u@h/db\n"
    assert str(database_of(tmp_path)) == "postgresql://u@h/db"
    assert [path.name for path in tmp_path.iterdir()] == ["database"]


def test_folder_without_a_word_has_its_log_inside(tmp_path):
    assert database_of(tmp_path) == tmp_path / "log.db"
