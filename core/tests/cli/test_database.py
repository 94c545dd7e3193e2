"""``--database``: the log in a file or in PostgreSQL, found again by its folder, and the password kept nowhere."""

import json
import sys

import pytest
from nascore.experiment import archive, database_of
from nascore.journal import parse_location, read_holder, reading
from nascore.launch import WorkerSpec, worker_environment
from nascore.record import TrialState

CANARY = "canary-of-the-tests"


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def schema(postgres):
    return postgres.new_schema()


def all_text(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_log_in_a_named_file_is_found_again(invoke, experiment_file, home, tmp_path):
    for name in ("first", "second"):
        ran = invoke("run", str(experiment_file), "-q", "--trials", "2", "--name", name, "--database", "shared.db")
        assert ran.exit_code == 0, ran.stderr
    listed = json.loads(invoke("ls", "--json").stdout)
    assert [row["name"] for row in listed] == ["second", "first"]
    found = archive.load(home, "first")
    assert found.database == database_of(found.folder) == tmp_path / "shared.db"
    assert not (found.folder / "log.db").exists()
    more = invoke("resume", "first", "--trials", "3", "-q")
    assert more.exit_code == 0, more.stderr
    assert archive.load(home, "first").record.counts[TrialState.SUCCEEDED] == 3
    assert archive.load(home, "second").record.counts[TrialState.SUCCEEDED] == 2


def test_search_whose_workers_cannot_begin_leaves_nothing_in_a_shared_log(
    invoke, experiment_file, tmp_path, monkeypatch
):
    monkeypatch.setenv("TOY", "broken")
    assert invoke("run", str(experiment_file), "--database", "shared.db").exit_code == 1
    with reading(tmp_path / "shared.db") as reader:
        assert reader.experiments() == ()
    assert json.loads(invoke("ls", "--json").stdout) == []


def test_other_databases_are_refused_without_repeating_the_address(invoke, experiment_file, home):
    for address, words in (
        ("mysql://u:canary@h/db", "A database at mysql://… is not supported."),
        ("postgresql://u:canary@x@h/db", "is not of the form postgresql://USER@HOST:PORT/DATABASE"),
    ):
        ran = invoke("run", str(experiment_file), "--database", address)
        assert ran.exit_code == 2
        assert words in " ".join(ran.stderr.split())
        assert "canary" not in ran.stderr
    assert not home.exists()


def test_search_in_postgres_is_read_and_resumed_with_the_password_kept_nowhere(
    invoke, experiment_file, home, postgres, schema, monkeypatch, tmp_path
):
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    url = postgres.tcp_url(schema)
    ran = invoke("run", str(experiment_file), "--trials", "2", "--database", url)
    assert ran.exit_code == 0, ran.stderr
    assert "The password of the database is not kept" in " ".join(ran.stderr.split())
    folder = next((home / "experiments").iterdir())
    assert CANARY.encode() not in all_text(home)
    assert CANARY not in ran.output
    assert (folder / "database").read_text().startswith("postgresql://nascore@127.0.0.1")

    without = invoke("show")
    assert without.exit_code == 1
    assert "no password supplied" in " ".join(without.stderr.split())
    assert "pgpass" in without.stderr
    monkeypatch.setenv("NASCORE_DATABASE", url)
    assert "toys" in invoke("show").stdout
    monkeypatch.delenv("NASCORE_DATABASE")
    monkeypatch.setenv("PGPASSWORD", CANARY)
    assert json.loads(invoke("ls", "--json").stdout)[0]["is_held"] is False
    assert invoke("best").exit_code == 0
    monkeypatch.delenv("PGPASSWORD")
    more = invoke("resume", "--trials", "3", "-q", "--database", url)
    assert more.exit_code == 0, more.stderr
    assert archive.load(home, "last", known=parse_location(url)).record.counts[TrialState.SUCCEEDED] == 3


def test_second_server_on_a_database_is_refused_and_reading_beside_the_first_works(
    begin, invoke, home, postgres, schema
):
    url = postgres.url(schema)
    first = begin("serve", "--tuner", "toy", "--database", url)
    line = next(line for line in first.stderr if line.startswith("Serving"))
    second = invoke("serve", "--tuner", "toy", "--database", url)
    assert second.exit_code == 1
    said = " ".join(second.stderr.split())
    assert f"is held by process {first.pid} on" in said
    assert line.split()[2].rstrip(";") in said
    assert "[DATABASE_HELD]" in said
    assert json.loads(invoke("ls", "--json").stdout)[0]["is_held"] is True
    assert len(list((home / "experiments").iterdir())) == 1
    paused = invoke("pause")
    assert paused.exit_code == 0, paused.stderr
    first.terminate()
    first.communicate(timeout=60)
    assert read_holder(parse_location(url)) is None
    assert invoke("stop").exit_code == 0


def test_resume_names_the_database_of_the_experiment(invoke, keep, tmp_path):
    keep([])
    wrong = invoke("resume", "--database", str(tmp_path / "other.db"))
    assert wrong.exit_code == 2
    assert "not in" in wrong.stderr


def test_database_that_is_away_hides_only_its_own(invoke, keep, home, postgres):
    keep([], name="here")
    away = home / "experiments" / "aaaaaaaa"
    away.mkdir()
    (away / "database").write_text("postgresql://nobody@127.0.0.1:1/db\n")
    listed = invoke("ls", "--json")
    assert [row["name"] for row in json.loads(listed.stdout)] == ["here"]
    assert "aaaaaaaa is left out" in listed.stderr


def test_missing_psycopg_is_said_with_the_remedy(invoke, experiment_file, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("nascore.journal.postgres_") or name == "psycopg"]:
        if name != "nascore.journal.postgres_url":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    ran = invoke("run", str(experiment_file), "--database", "postgresql://h/db")
    assert ran.exit_code == 1
    assert "pip install 'nascore[postgres]'" in ran.stderr


def test_address_with_its_password_does_not_reach_workers(tmp_path):
    given = {"NASCORE_DATABASE": "postgresql://u:canary@h/db", "NASCORE_RUN_DATABASE": "canary", "HOME": "/h"}
    spec = WorkerSpec("worker-0", ("true",), folder=tmp_path, log_file=tmp_path / "log")
    environment = worker_environment(given, spec)
    assert environment["HOME"] == "/h"
    assert "canary" not in str(environment)
