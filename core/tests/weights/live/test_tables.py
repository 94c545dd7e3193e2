"""Tables by name: opened once, joined by those who mean the same, bounded, known from their earlier lives."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nascore.errors import ConflictError, ExhaustedResourceError, InvalidInputError, NotFoundError
from nascore.weights import DirectoryStore, TensorData
from nascore.weights.live import TRANSIENT, Memory, Rule, Slot, Tables, Terms, half_of_memory, take_snapshot

SLOTS = (Slot("w", "F32", (2, 3)), Slot("b", "F64", ()))


def tables(limit=10**9, **parts):
    return Tables(Memory(limit, **parts), clock=lambda: 1.0)


@pytest.mark.parametrize(
    ("key", "dtype", "shape"),
    [("", "F32", (1,)), ("a\0", "F32", (1,)), ("a", "I64", (1,)), ("a", "X", (1,)), ("a", "F32", (-1,))],
)
def test_a_tensor_that_cannot_be_shared_is_refused(key, dtype, shape):
    with pytest.raises(InvalidInputError):
        Slot(key, dtype, shape)


@pytest.mark.parametrize("slots", [(), (SLOTS[0], SLOTS[0])])
def test_a_table_needs_tensors_each_once(slots):
    with pytest.raises(InvalidInputError):
        tables().open("e", "t", slots=slots, terms=Terms())


@pytest.mark.parametrize(("experiment", "name"), [("", "t"), ("e", ""), ("e", "t" * 257), ("e", "a\nb")])
def test_names_are_checked(experiment, name):
    with pytest.raises(InvalidInputError):
        tables().open(experiment, name, slots=SLOTS, terms=Terms())


def test_a_table_is_made_once_and_joined_after_that():
    among = tables()
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(among.open("e", "t", slots=SLOTS, terms=Terms())))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(table) for table, _ in found}) == 1
    assert sum(is_new for _, is_new in found) == 1
    assert among.join("e", "t", terms=Terms()) is among.get("e", "t")
    assert among.join("other", "t", terms=Terms()) is None


@pytest.mark.parametrize(
    ("slots", "terms"),
    [
        (SLOTS[:1], Terms()),
        ((SLOTS[0], Slot("b", "F32", ())), Terms()),
        (SLOTS, Terms(Rule.EMA)),
        (SLOTS, Terms(max_lag=3)),
    ],
)
def test_who_means_another_table_is_told(slots, terms):
    among = tables()
    among.open("e", "t", slots=SLOTS, terms=Terms())
    with pytest.raises(ConflictError):
        among.open("e", "t", slots=slots, terms=terms)
    with pytest.raises(ConflictError):
        among.join("e", "t", slots=slots, terms=terms)


def test_versions_of_a_later_life_lie_above_those_of_the_earlier():
    among = tables()
    first = among.open("e", "t", slots=SLOTS, terms=Terms())[0].version
    among.drop("e", "t")
    among.drop("e", "t")
    with pytest.raises(NotFoundError, match="last snapshot"):
        among.get("e", "t")
    assert among.open("e", "t", slots=SLOTS, terms=Terms())[0].version > first
    assert Tables(Memory(10**9), clock=lambda: 2.0).open("e", "t", slots=SLOTS, terms=Terms())[0].version > first + 10


def test_memory_is_bounded_for_all_and_for_each_experiment():
    big = [Slot("w", "F32", (1000,))]
    among = tables(12_000, experiment_limit=6_000)
    among.open("a", "t", slots=big, terms=Terms())
    with pytest.raises(ExhaustedResourceError):
        among.open("a", "u", slots=big, terms=Terms())
    among.open("b", "t", slots=big, terms=Terms())
    with pytest.raises(ExhaustedResourceError):
        among.open("c", "t", slots=big, terms=Terms())
    among.drop("a", "t")
    among.open("c", "t", slots=big, terms=Terms())
    assert among.count == 2


def test_a_table_as_large_as_the_world_is_refused_before_anything_is_allocated():
    with pytest.raises(ExhaustedResourceError):
        Tables(Memory(half_of_memory())).open("e", "t", slots=[Slot("w", "F64", (2**40,))], terms=Terms())


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 60)), max_size=30))
def test_memory_counts_what_is_held_and_no_more(requests):
    memory = Memory(100, experiment_limit=70)
    held = []
    for experiment, size in requests:
        mine = sum(taken for name, taken in held if name == experiment)
        fits = size <= min(100 - sum(taken for _, taken in held), 70 - mine)
        if fits:
            memory.take(experiment, size, what="x")
            held.append((experiment, size))
        else:
            with pytest.raises(ExhaustedResourceError):
                memory.take(experiment, size, what="x")
        if len(held) > 3:
            memory.give(*held.pop(0))
        assert memory.taken() == sum(taken for _, taken in held)


def values(number):
    data = {"w": bytes(23) + bytes([number]), "b": bytes(7) + bytes([number])}
    return {slot.key: TensorData(slot.dtype, slot.shape, data[slot.key]) for slot in SLOTS}


def test_a_snapshot_can_be_begun_with(tmp_path):
    store = DirectoryStore(tmp_path)
    among = tables()
    parent = store.put(values(1), trial=0)
    table, _ = among.open("e", "t", slots=SLOTS, terms=Terms(), values=values(1), checkpoint=parent)
    assert not table.is_blank
    snapshot = take_snapshot(table, store, trial=3, notes={"epoch": 2}, name="live/t")
    manifest = store.manifest(snapshot.checkpoint)
    assert (manifest.trial, manifest.parents) == (3, (parent,))
    assert manifest.notes == {"epoch": 2, "table": "t", "version": str(table.version)}
    assert store.get(snapshot.checkpoint) == values(1)
    assert store.reference("e", "live/t").checkpoint == snapshot.checkpoint
    assert among.memory.taken() == table.slots[0].size + table.slots[1].size + 2 * 1024


def test_a_transient_snapshot_is_given_up_for_a_later_one_and_others_are_kept(tmp_path):
    store = DirectoryStore(tmp_path)
    table, _ = tables().open("e", "t", slots=SLOTS, terms=Terms())

    def taken(notes, trial):
        return take_snapshot(table, store, trial=trial, notes=notes, name="live/t").checkpoint

    first = taken({TRANSIENT: True}, 1)
    assert taken({TRANSIENT: True}, 1) == first  # Nothing has changed, so it is the same one.
    second = taken({TRANSIENT: True}, 2)
    assert store.list() == (second,)
    kept = taken({}, 3)
    assert store.list() == (kept,)
    last = taken({TRANSIENT: True}, 4)
    assert store.list() == (kept, last)
    store.pin(last)
    latest = taken({}, 5)
    assert store.list() == (kept, last, latest)


@pytest.mark.parametrize("left", [{}, {"w": TensorData("F32", (6,), bytes(24)), "b": TensorData("F64", (), bytes(8))}])
def test_values_that_do_not_fit_are_refused(left):
    with pytest.raises(InvalidInputError):
        tables().open("e", "t", slots=SLOTS, terms=Terms(), values=left)
