"""What PostgreSQL alone can do to the log: connections that are lost, servers that crash, stall or are away."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time

import pytest
from nascore.errors import (
    DeadlineError,
    HeldError,
    NotFoundError,
    PermissionDeniedError,
    StateError,
    UnavailableError,
    UnsupportedError,
)
from nascore.journal import Holder, TunerSnapshot, parse_location, read_holder

if os.environ.get("NASCORE_REQUIRE_ALL"):
    import psycopg
else:
    psycopg = pytest.importorskip("psycopg", reason="needs psycopg (the extra nascore[postgres])")

from nascore.journal.postgres_journal import PostgresJournal  # an extra

SHORT_S = 3.0


async def until(condition):
    """Wait until something is so."""
    for _ in range(2400):
        if condition():
            return
        await asyncio.sleep(0.025)
    pytest.fail("it did not happen within 60 seconds")


async def healed(journal, experiment):
    """Read until the server is back."""
    for _ in range(1200):
        with contextlib.suppress(UnavailableError):
            return await journal.read(experiment)
        await asyncio.sleep(0.05)
    return pytest.fail("it did not heal within 60 seconds")


async def test_second_server_is_refused_and_the_first_is_named(on_postgres, entry):
    first = await on_postgres.open(holder=Holder(4242, "elsewhere", "host:1", "/t", started_at=1.0))
    with pytest.raises(HeldError, match=r"process 4242 on elsewhere, serving at host:1, since .*kill 4242"):
        await on_postgres.open()
    first.hold(Holder(4242, "elsewhere")).update(address="host:2", token_file="/token")
    await first.append("one", [entry(1)])
    assert read_holder(on_postgres.url) == Holder(4242, "elsewhere", "host:2", "/token")
    await first.close()
    assert read_holder(on_postgres.url) is None
    assert on_postgres.execute("SELECT pid, host FROM {writer}") == [(0, "unknown")]
    await on_postgres.open()


async def test_lock_dies_with_the_connection_and_names_nobody_who_is_gone(on_postgres, postgres):
    journal = await on_postgres.open()
    on_postgres.end_backend()
    assert read_holder(on_postgres.url) is None
    again = await on_postgres.open(holder=Holder(7, "there"))
    assert read_holder(on_postgres.url) == Holder(7, "there")
    on_postgres.execute("UPDATE {writer} SET backend = 0")
    with pytest.raises(HeldError, match="which has not said who it is"):
        await on_postgres.open()
    await asyncio.gather(journal.close(), again.close())


async def test_two_schemas_of_a_database_are_two_databases(on_postgres, postgres, postgres_at, entry):
    other = postgres_at(postgres)
    first, second = await on_postgres.open(), await other.open()
    await first.append("one", [entry(1)])
    assert await second.experiments() == ()
    await second.close()


async def test_lost_connection_is_made_anew_and_who_holds_it_is_said_again(on_postgres, entry):
    journal = await on_postgres.open(holder=Holder(9, "there"))
    await journal.append("one", [entry(1)])
    before = on_postgres.backend()
    on_postgres.end_backend()
    with pytest.raises(UnavailableError) as caught:
        await journal.append("one", [entry(2)])
    assert caught.value.is_retryable
    assert await journal.read("one") == [entry(1)]
    await journal.append("one", [entry(2)])
    assert on_postgres.backend() != before
    assert read_holder(on_postgres.url) == Holder(9, "there")


async def test_zombie_is_told_that_it_was_passed_over_for_good(on_postgres, entry):
    journal = await on_postgres.open()
    await journal.append("one", [entry(1)])
    other = await on_postgres.pass_over()
    with pytest.raises(UnavailableError):
        await journal.append("one", [entry(2)])
    with pytest.raises(HeldError, match="took it over"):
        await journal.read("one")
    await other.close()  # Even now: what the other one wrote is not in this one's memory.
    for work in (lambda: journal.read("one"), lambda: journal.append("two", [entry(1)]), journal.experiments):
        with pytest.raises(HeldError, match="took it over"):
            await work()
    assert read_holder(on_postgres.url) is None


async def test_backend_killed_in_the_middle_of_a_commit_that_did_not_happen(on_postgres, entry, postgres):
    journal = await on_postgres.open()
    await journal.append("one", [entry(1)])
    on_postgres.execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(30); RETURN NULL; END $$"
    )
    on_postgres.execute(
        "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON {events} DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION slow()"
    )
    pending = journal.append("one", [entry(2)])
    pid = on_postgres.backend()
    await until(lambda: postgres.execute(f"SELECT query FROM pg_stat_activity WHERE pid = {pid}") == [("COMMIT",)])
    postgres.execute(f"SELECT pg_terminate_backend({pid}, 5000)")
    with pytest.raises(UnavailableError):
        await pending
    on_postgres.execute("DROP TRIGGER slow ON {events}")
    with pytest.raises(UnavailableError):  # Refused until it is known what was stored.
        await journal.append("one", [entry(2)])
    assert await journal.read("one") == [entry(1)]
    await journal.append("one", [entry(2)])


async def test_backend_killed_in_the_middle_of_a_commit_that_did_happen(on_postgres, postgres, entry):
    journal = await on_postgres.open()
    await journal.append("one", [entry(1)])
    # A commit waits for a standby that does not exist: it is durable here, and its answer never comes.
    postgres.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()")
    pid = on_postgres.backend()
    await asyncio.sleep(0.2)
    pending = journal.append("one", [entry(2)])
    waits = f"SELECT wait_event FROM pg_stat_activity WHERE pid = {pid}"
    await until(lambda: postgres.execute(waits) == [("SyncRep",)])
    postgres.execute("ALTER SYSTEM RESET synchronous_standby_names", f"SELECT pg_terminate_backend({pid}, 5000)")
    with pytest.raises(UnavailableError):
        await pending
    postgres.execute("SELECT pg_reload_conf()")
    with pytest.raises(UnavailableError):
        await journal.append("one", [entry(3)])
    assert await journal.read("one") == [entry(1), entry(2)]
    await journal.append("one", [entry(3)])


async def test_stalled_server_is_given_up_and_nothing_is_written_behind_its_back(on_postgres, entry):
    journal = await on_postgres.open(patience_s=SHORT_S)
    await journal.append("one", [entry(1)])
    pid = on_postgres.backend()
    os.kill(pid, signal.SIGSTOP)
    try:
        begun = time.monotonic()
        with pytest.raises(DeadlineError, match=rf"no answer within {1.25 * SHORT_S:g} s"):
            await journal.append("one", [entry(2)])
        assert time.monotonic() - begun < 10 * SHORT_S
        # What the stalled one had begun may still come: until it is over nothing is read, so nothing wrong is believed.
        with pytest.raises(UnavailableError, match="has not ended it yet"):
            await journal.read("one")
    finally:
        os.kill(pid, signal.SIGCONT)
    stored = await healed(journal, "one")
    assert stored in ([entry(1)], [entry(1), entry(2)])
    await journal.append("one", [entry(len(stored) + 1)])


async def test_statement_that_waits_too_long_is_broken_off(on_postgres, postgres, entry):
    journal = await on_postgres.open(patience_s=SHORT_S)
    await journal.append("one", [entry(1)])
    with psycopg.connect(postgres.url(on_postgres.schema)) as other:
        other.execute("LOCK TABLE nascore_events IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DeadlineError):
            await journal.append("one", [entry(2)])
        other.rollback()
    other.close()
    assert await journal.read("one") == [entry(1)]
    await journal.append("one", [entry(2)])


@pytest.mark.slow
async def test_nothing_acknowledged_is_lost_when_the_server_is_killed(crashing_postgres, postgres_at, entry):
    database = postgres_at(crashing_postgres)
    journal = await database.open()
    acknowledged = dict.fromkeys("abcdefgh", 0)
    tried = dict(acknowledged)
    is_over = False

    async def appending(name):
        while not is_over:
            try:
                tried[name] = acknowledged[name] + 1
                await journal.append(name, [entry(acknowledged[name] + 1)])
                acknowledged[name] += 1
            except UnavailableError:
                stored = len(await healed(journal, name))
                assert acknowledged[name] <= stored <= tried[name]
                acknowledged[name] = stored

    working = [asyncio.create_task(appending(name)) for name in acknowledged]
    for crash in (crashing_postgres.stop, crashing_postgres.kill):
        before = sum(acknowledged.values())
        await until(lambda before=before: sum(acknowledged.values()) > before + 100)
        await asyncio.to_thread(crash)
        await asyncio.to_thread(restarted, crashing_postgres)
    before = sum(acknowledged.values())
    await until(lambda: sum(acknowledged.values()) > before + 20)
    is_over = True
    await asyncio.gather(*working)
    await journal.close()
    again = await database.open()
    for name, count in acknowledged.items():
        assert len(await again.read(name)) == count
    await again.close()


def restarted(cluster):
    """Start it again; after a kill its other processes take a moment to end."""
    for _ in range(100):
        with contextlib.suppress(subprocess.CalledProcessError):
            cluster.start()
            return
        time.sleep(0.1)
    pytest.fail("it did not start again")


async def test_while_the_server_is_away_all_calls_fail_fast_and_it_heals(on_postgres, postgres, entry):
    journal = await on_postgres.open()
    await journal.append("one", [entry(1)])
    await journal.save_snapshot("one", TunerSnapshot(1, 1, b"s"))
    postgres.stop("fast")
    results = await asyncio.gather(*(journal.append(f"e{n}", [entry(1)]) for n in range(50)), return_exceptions=True)
    assert {type(result) for result in results} == {UnavailableError}
    reads = await asyncio.gather(*(journal.read(f"e{n}") for n in range(50)), return_exceptions=True)
    assert {type(result) for result in reads} == {UnavailableError}
    with pytest.raises(UnavailableError, match="Is PostgreSQL running"):
        await on_postgres.open()
    postgres.start()
    assert await healed(journal, "one") == [entry(1)]
    assert await journal.snapshots("one") == (TunerSnapshot(1, 1, b"s"),)
    await journal.append("one", [entry(2)])


async def test_session_is_durable_and_bounded_whatever_the_role_says(on_postgres, postgres, on_thread):
    postgres.execute("ALTER ROLE nascore SET synchronous_commit = off", "ALTER ROLE nascore SET search_path = nowhere")
    try:
        journal = await on_postgres.open(patience_s=2.0)
    finally:
        postgres.execute("ALTER ROLE nascore RESET synchronous_commit", "ALTER ROLE nascore RESET search_path")

    def settings():
        connection = journal._writer.store._tenure.connection
        names = ("synchronous_commit", "statement_timeout", "idle_in_transaction_session_timeout", "search_path")
        return [connection.execute(f"SHOW {name}").fetchone()[0] for name in names]

    assert await on_thread(journal, settings) == ["on", "2s", "1min", on_postgres.schema]


async def test_wrong_password_says_where_to_give_it_and_never_shows_it(on_postgres, postgres, monkeypatch, tmp_path):
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    for url, word in (
        (postgres.tcp_url(password="canary-wrong"), "authentication failed"),
        (no_password(postgres), "no password supplied"),
    ):
        location = parse_location(url)
        with pytest.raises(PermissionDeniedError, match=rf"(?s){word}.*pgpass") as caught:
            read_holder(location)
        assert "canary" not in f"{caught.value}{caught.value.__cause__}{location!r}{location}"


def no_password(cluster):
    return f"postgresql://nascore@127.0.0.1:{cluster.port}/postgres"


async def test_password_comes_from_the_url_or_as_libpq_finds_it(on_postgres, postgres, monkeypatch, entry):
    journal = await PostgresJournal.open(parse_location(postgres.tcp_url(on_postgres.schema)), holder=Holder(1, "h"))
    await journal.append("one", [entry(1)])
    texts = str(on_postgres.execute("SELECT * FROM {writer}")) + str(postgres.execute("SELECT * FROM pg_stat_activity"))
    assert "canary" not in texts
    await journal.close()
    monkeypatch.setenv("PGPASSWORD", "canary-of-the-tests")
    assert read_holder(parse_location(no_password(postgres))) is None


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"database": "nowhere"}, NotFoundError, r'database "nowhere" does not exist.*createdb'),
        ({"schema": "nowhere"}, NotFoundError, "search_path names no schema that exists"),
        ({"role": "nobody_here"}, UnavailableError, 'role "nobody_here" does not exist'),
    ],
)
async def test_what_is_not_there_is_named(on_postgres, postgres, change, error, message):
    on_postgres.url = parse_location(postgres.url(**change))
    with pytest.raises(error, match=message):
        await on_postgres.open()


async def test_database_without_utf8_is_refused(on_postgres, postgres):
    postgres.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    on_postgres.url = parse_location(postgres.url(database="latin"))
    with pytest.raises(UnsupportedError, match="holds text as LATIN1; UTF8 is needed"):
        await on_postgres.open()


async def test_role_without_rights_is_told_which(on_postgres, postgres):
    postgres.execute("CREATE ROLE guest LOGIN", f"GRANT USAGE ON SCHEMA {on_postgres.schema} TO guest")
    on_postgres.url = parse_location(postgres.url(on_postgres.schema, role="guest"))
    with pytest.raises(PermissionDeniedError, match=r"permission denied for schema.*grant it CREATE"):
        await on_postgres.open()
    assert (
        on_postgres.cluster.execute("SELECT 1 FROM pg_tables WHERE tablename LIKE 'nascore%' AND tableowner = 'guest'")
        == []
    )


async def test_newer_tables_are_left_untouched_and_the_lock_with_them(on_postgres):
    await (await on_postgres.open()).close()
    on_postgres.execute("UPDATE nascore_schema SET version = 2")
    on_postgres.execute("DROP TABLE {deletions}")

    def seen():
        rows = on_postgres.execute("SELECT * FROM {writer}")
        return rows, on_postgres.execute(f"SELECT tablename FROM pg_tables WHERE schemaname = '{on_postgres.schema}'")

    before = seen()
    with pytest.raises(StateError, match=r"newer nascore \(schema 2; this one knows 1\)"):
        await on_postgres.open()
    assert seen() == before
    assert read_holder(on_postgres.url) is None
