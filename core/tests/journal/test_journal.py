"""The contract of the log, sentence by sentence, on both databases."""

import asyncio

import pytest
from nascore import failpoints
from nascore.errors import DataLossError, ExhaustedResourceError, HeldError, InternalError, StateError, UnavailableError
from nascore.journal import Entry, TunerSnapshot, log_reader

TEXTS = ("{}", '{"text":"\\ud800\\u0000"}', '{"α":"日本 🦜 \\\\ \' \\" %s ? {} $1"}', "x" * 100_000)
NUMBERS = (0.1, 1e-300, 1.7953406918859603e9, float("inf"), -0.0)


async def test_entries_come_back_as_they_were_after_closing(database, journal, entry):
    await journal.append("one", [entry(seq, text) for seq, text in enumerate(TEXTS, 1)])
    await journal.append("two", [Entry(seq, "kind", "{}", time, 3 * time) for seq, time in enumerate(NUMBERS, 1)])
    await journal.append("one", [entry(5)])
    await journal.close()
    again = await database.open()
    assert await again.experiments() == ("one", "two")
    assert await again.read("one") == [*(entry(seq, text) for seq, text in enumerate(TEXTS, 1)), entry(5)]
    assert await again.read("one", after_seq=4) == [entry(5)]
    assert [item.time for item in await again.read("two")] == list(NUMBERS)
    assert await again.read("none") == []


async def test_appends_of_one_turn_share_a_transaction_and_later_ones_few(journal, entry):
    await asyncio.gather(*(journal.append(f"e{n}", [entry(1)]) for n in range(64)))
    assert journal.transactions == 1

    async def chain(name):
        for seq in range(2, 6):
            await journal.append(name, [entry(seq)])

    await asyncio.gather(*(chain(f"e{n}") for n in range(64)))
    assert journal.transactions <= 1 + 4 * 8
    assert await journal.experiments() == tuple(f"e{n}" for n in range(64))


async def test_work_is_done_in_the_order_of_the_calls(journal, entry):
    first = journal.append("one", [entry(1)])
    read = asyncio.create_task(journal.read("one"))
    await asyncio.sleep(0)
    second = journal.append("one", [entry(2)])
    assert await read == [entry(1)]
    await asyncio.gather(first, second)
    assert len(await journal.read("one")) == 2


async def test_reader_sees_only_what_is_committed_and_holds_nothing(database, journal, entry):
    with database.reading() as reader:
        assert reader.experiments() == ()
        assert reader.first("one") is reader.last("one") is None
    await journal.append("one", [entry(1), entry(2, "[]"), entry(3)])
    with database.reading() as reader:
        assert (reader.first("one"), reader.last("one")) == (entry(1), entry(3))
        await journal.append("one", [entry(4)])
        assert list(reader.entries("one")) == [entry(1), entry(2, "[]"), entry(3)]
        assert reader.experiments() == ("one",)
    with database.reading() as reader:
        assert len(list(reader.entries("one"))) == 4


async def test_long_log_is_read_in_parts_that_follow_each_other(database, journal, entry, monkeypatch):
    monkeypatch.setattr(log_reader, "ENTRIES_A_READ", 3)
    for length in (1, 2, 3, 4, 6, 7):
        written = [entry(seq) for seq in range(1, length + 1)]
        name = f"of {length}"
        await journal.append(name, written)
        with database.reading() as reader:
            assert list(reader.entries(name)) == written
        assert await journal.read(name, after_seq=1, count=3) == written[1:4]
        assert await journal.read(name, count=length) == written
    with database.reading() as reader:
        assert list(reader.entries("nothing")) == []


async def test_gap_is_refused_and_so_is_all_after_it_until_read(journal, entry):
    first, gap, after = (journal.append("one", [entry(seq)]) for seq in (1, 3, 2))
    other = journal.append("two", [entry(1)])
    await asyncio.gather(first, other)
    for refused in (gap, after):
        with pytest.raises(DataLossError, match="entry 2 is missing"):
            await refused
    assert await journal.read("one") == [entry(1)]
    await journal.append("one", [entry(2)])


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ("journal.before_append=error:ENOSPC@1", ExhaustedResourceError),
        ("journal.before_commit=error:EIO@1", ExhaustedResourceError),
        ("journal.before_commit=error:EPIPE@1", UnavailableError),
    ],
)
async def test_failed_commit_stores_nothing_and_fails_all_until_read(journal, entry, armed, rule, error):
    await journal.append("one", [entry(1)])
    armed(rule)
    failed = [journal.append("one", [entry(2)]), journal.append("two", [entry(1)])]
    later = asyncio.gather(*failed, return_exceptions=True)
    assert [type(result) for result in await later] == [error, error]
    with pytest.raises(error, match="failpoint"):
        await journal.append("one", [entry(3)])
    await journal.append("three", [entry(1)])
    assert await journal.read("one") == [entry(1)]
    assert await journal.read("two") == []
    await journal.append("one", [entry(2)])
    await journal.append("two", [entry(1)])
    assert await journal.experiments() == ("one", "three", "two")


async def test_failure_after_the_commit_is_found_out_by_reading(journal, entry, armed):
    armed("journal.after_commit=error:EIO@1")
    with pytest.raises(ExhaustedResourceError):
        await journal.append("one", [entry(1)])
    with pytest.raises(ExhaustedResourceError):
        await journal.append("one", [entry(2)])
    assert await journal.read("one") == [entry(1)]
    await journal.append("one", [entry(2)])


async def test_read_that_fails_leaves_appends_refused(journal, entry, armed):
    armed("journal.before_commit=error:ENOSPC@1;journal.before_read=error:EIO@1")
    with pytest.raises(ExhaustedResourceError):
        await journal.append("one", [entry(1)])
    with pytest.raises(ExhaustedResourceError, match="before_read"):
        await journal.read("one")
    with pytest.raises(ExhaustedResourceError, match="before_commit"):
        await journal.append("one", [entry(1)])
    assert await journal.read("one") == []
    await journal.append("one", [entry(1)])


async def test_what_cannot_be_stored_as_text_fails_alone(journal, entry):
    with pytest.raises((InternalError, ValueError), match="surrogates"):
        await journal.append("one", [entry(1, "\ud800")])
    await journal.append("two", [entry(1)])
    assert await journal.read("one") == []
    await journal.append("one", [entry(1)])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("UPDATE {events} SET payload = '{{ }}' WHERE seq = 2", "entry 2 is not what was written"),
        ("UPDATE {events} SET kind = 'kinD' WHERE seq = 2", "entry 2 is not what was written"),
        ("UPDATE {events} SET checksum = checksum + 1 WHERE seq = 2", "entry 2 is not what was written"),
        ("DELETE FROM {events} WHERE seq = 2", "entry 2 is missing"),
        ("DELETE FROM {events} WHERE seq = 1", "entry 1 is missing"),
    ],
)
async def test_damaged_entry_is_found_and_named(database, journal, entry, damage, message):
    await journal.append("one", [entry(1), entry(2), entry(3)])
    await journal.append("two", [entry(1)])
    await journal.close()
    database.execute(f"{damage} AND experiment = 'one'")
    again = await database.open()
    with pytest.raises(DataLossError, match=f"experiment one: {message}"):
        await again.read("one")
    assert await again.read("two") == [entry(1)]
    with pytest.raises(DataLossError, match=message), database.reading() as reader:
        list(reader.entries("one"))


async def test_entry_that_somebody_else_wrote_is_not_written_over(database, journal, entry):
    await journal.append("one", [entry(1)])
    database.execute("INSERT INTO {events} VALUES ('one', 2, 'kind', 'other', 0, 0, 0)")
    with pytest.raises(DataLossError):
        await journal.append("one", [entry(2)])
    assert database.execute("SELECT payload FROM {events} WHERE seq = 2") == [("other",)]


async def test_process_that_was_passed_over_never_writes_again(database, journal, entry):
    await journal.append("one", [entry(1)])
    other = await database.pass_over()
    for _ in range(2):
        with pytest.raises((HeldError, UnavailableError)):
            await journal.append("one", [entry(2)])
        if database.kind == "sqlite":
            assert await journal.read("one") == [entry(1)]
        else:
            with pytest.raises((HeldError, UnavailableError)):
                await journal.read("one")
    await other.append("one", [entry(2, "[]")])
    for work in (
        lambda: journal.save_snapshot("one", TunerSnapshot(1, 1, b"")),
        lambda: journal.delete("one", request_id="r"),
    ):
        with pytest.raises((HeldError, UnavailableError)):
            await work()
    await journal.close()
    assert await other.read("one") == [entry(1), entry(2, "[]")]
    assert await other.deletions() == {}


async def test_fencing_number_is_looked_at_in_every_write(database, journal, entry):
    await journal.append("one", [entry(1)])
    database.execute("UPDATE {writer} SET epoch = epoch + 1")
    for work in (
        lambda: journal.append("one", [entry(2)]),
        lambda: journal.save_snapshot("one", TunerSnapshot(1, 1, b"")),
        lambda: journal.delete("one", request_id="r"),
    ):
        with pytest.raises(HeldError, match=r"took it over \(writer 2, this one was 1\)"):
            await work()
    assert await journal.read("one") == [entry(1)]
    assert await journal.snapshots("one") == ()


async def test_two_snapshots_are_kept_and_damaged_ones_left_out(database, journal, entry):
    await journal.append("one", [entry(1)])
    await journal.append("two", [entry(1)])
    await journal.save_snapshot("two", TunerSnapshot(7, 7, b"two"))
    states = [bytes([n]) * 70_000 for n in range(4)]
    for n, state in enumerate(states):
        await journal.save_snapshot("one", TunerSnapshot(n, 10 * n, state))
    assert await journal.snapshots("one") == (TunerSnapshot(3, 30, states[3]), TunerSnapshot(2, 20, states[2]))
    value = "'\\x99'" if database.kind == "postgres" else "x'99'"
    database.execute(f"UPDATE {{snapshots}} SET state = {value} WHERE asked = 3")
    assert await journal.snapshots("one") == (TunerSnapshot(2, 20, states[2]),)
    assert await journal.snapshots("two") == (TunerSnapshot(7, 7, b"two"),)


@pytest.mark.parametrize("place", ["before", "after"])
async def test_snapshot_that_fails_is_one_or_none_and_the_log_goes_on(journal, entry, armed, place):
    await journal.append("one", [entry(1)])
    armed(f"journal.{place}_snapshot=error:ENOSPC@1")
    with pytest.raises(ExhaustedResourceError):
        await journal.save_snapshot("one", TunerSnapshot(1, 1, b"a"))
    assert len(await journal.snapshots("one")) == (place == "after")
    await journal.append("one", [entry(2)])
    await journal.save_snapshot("one", TunerSnapshot(2, 2, b"b"))
    assert (await journal.snapshots("one"))[0].asked == 2


async def test_snapshot_of_an_experiment_that_is_not_there_is_refused(journal):
    with pytest.raises(DataLossError):
        await journal.save_snapshot("none", TunerSnapshot(1, 1, b"a"))


async def test_deleted_experiment_is_gone_and_who_did_it_is_remembered(database, journal, entry):
    await journal.append("one", [entry(1), entry(2)])
    await journal.append("two", [entry(1)])
    await journal.save_snapshot("one", TunerSnapshot(1, 1, b"s"))
    await journal.delete("one", request_id="r")
    await journal.delete("one", request_id="r")
    assert await journal.experiments() == ("two",)
    assert await journal.snapshots("one") == ()
    assert await journal.deletions() == {"r": "one"}
    assert database.execute("SELECT count(*) FROM {events}") == [(1,)]
    await journal.append("one", [entry(1)])
    assert await journal.experiments() == ("two", "one")


@pytest.mark.parametrize("place", ["before", "after"])
async def test_deletion_that_fails_is_whole_or_none(journal, entry, armed, place):
    await journal.append("one", [entry(1)])
    armed(f"journal.{place}_delete=error:EIO@1")
    with pytest.raises(ExhaustedResourceError):
        await journal.delete("one", request_id="r")
    is_done = place == "after"
    assert await journal.experiments() == (() if is_done else ("one",))
    assert await journal.deletions() == ({"r": "one"} if is_done else {})


async def test_failed_opening_leaves_the_database_to_the_next(database, entry, armed):
    armed("journal.before_take_over=error:ENOSPC@1")
    with pytest.raises(ExhaustedResourceError):
        await database.open()
    await (await database.open()).append("one", [entry(1)])


async def test_closing_finishes_what_was_appended_and_then_refuses(database, journal, entry):
    pending = [journal.append("one", [entry(seq)]) for seq in range(1, 20)]
    await journal.close()
    await asyncio.gather(*pending)
    with pytest.raises(UnavailableError, match="closed"):
        await journal.append("one", [entry(20)])
    with pytest.raises(UnavailableError, match="closed"):
        await journal.read("one")
    await journal.close()
    assert len(await (await database.open()).read("one")) == 19


async def test_places_of_failure_stand_on_every_way(database, entry, armed):
    names = ("append", "commit", "snapshot", "delete", "take_over", "read")
    armed(";".join(f"journal.before_{name}=sleep:0" for name in names))
    journal = await database.open()
    await journal.append("one", [entry(1)])
    await journal.save_snapshot("one", TunerSnapshot(1, 1, b"a"))
    await journal.read("one")
    await journal.delete("one", request_id="r")
    assert [failpoints.passages(f"journal.before_{name}") for name in names] == [1] * len(names)


async def test_database_of_a_newer_nascore_is_refused_by_readers_too(database, journal):
    await journal.close()
    newer = "PRAGMA user_version=99" if database.kind == "sqlite" else "UPDATE nascore_schema SET version = 99"
    database.execute(newer)
    with pytest.raises(StateError, match=r"newer nascore \(schema 99; this one knows 1\).*Upgrade"):
        await database.open()
    with pytest.raises(StateError, match="newer nascore"), database.reading():
        pass
