"""A live table against a sequential model, against mathematics, from threads, and while it is being read."""

import threading
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from google_crc32c import value as crc32c
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from nascore.errors import (
    DataLossError,
    ExhaustedResourceError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
    UnsupportedError,
)
from nascore.weights.live import Late, Memory, Rule, Slot, Tables, Terms, from_bf16, new_update
from nascore.weights.live.slots import bytes_of

EXPERIMENT = "search"


def tables(limit=10**9, **parts):
    return Tables(Memory(limit, **parts), clock=lambda: 1.0)


def table(sizes=(4, 3), *, dtype="F64", terms=None, among=None):
    slots = [Slot(f"w{index}", dtype, (size,)) for index, size in enumerate(sizes)]
    return (tables() if among is None else among).open(EXPERIMENT, "net", slots=slots, terms=terms or Terms())[0]


def update(target, values, *, base=0, request_id="r", rules=None, worker="one", piece=2**20):
    """An update of tensors by index, complete."""
    raw = {index: np.asarray(value, np.float64).tobytes() for index, value in values.items()}
    size = sum(map(len, raw.values()))
    made = new_update(target, worker=worker, request_id=request_id, base_version=base, size=size)
    for index, data in raw.items():
        for offset in range(0, len(data), piece):
            part = data[offset : offset + piece]
            made.add(index, offset, part, crc=crc32c(part), rule=None if offset else (rules or {}).get(index))
    made.finish()
    return made


def push(target, values, **parts):
    return target.apply(update(target, values, **parts))


def contents(target, **parts):
    """Version, and values by index, of one moment."""
    with target.read(**parts) as reading:
        return reading.version, values_of(reading)


def values_of(reading):
    found = {}
    for chunk in reading.chunks(16):
        found[chunk.tensor] = found.get(chunk.tensor, b"") + bytes(chunk.data)
    reading.check()
    return {index: np.frombuffer(data).tolist() for index, data in found.items()}


# --- what is refused -------------------------------------------------------------------------------------------------


def pieces(made, *parts):
    for tensor, offset, data in parts:
        made.add(tensor, offset, data, crc=crc32c(data))
    made.finish()


@pytest.mark.parametrize(
    ("size", "parts"),
    [
        (32, [(0, 0, bytes(24))]),  # not all of the tensor
        (32, [(0, 0, bytes(16))]),  # broke off
        (32, [(0, 16, bytes(16))]),  # begins in the middle
        (32, [(0, 0, bytes(16)), (0, 24, bytes(8))]),  # a gap
        (32, [(0, 0, bytes(16)), (0, 8, bytes(24))]),  # an overlap
        (32, [(0, 0, bytes(12)), (0, 12, bytes(20))]),  # half an element
        (32, [(0, 0, bytes(40))]),  # more than the tensor
        (8, [(0, 0, bytes(32))]),  # more than announced
        (40, [(0, 0, bytes(32))]),  # less than announced
        (56, [(0, 0, bytes(32)), (0, 0, bytes(32))]),  # twice
        (56, [(0, 0, bytes(16)), (1, 0, bytes(24)), (0, 16, bytes(16))]),  # torn apart
        (32, [(7, 0, bytes(32))]),
        (32, [(-1, 0, bytes(32))]),
        (57, []),  # more than the table
    ],
)
def test_pieces_that_do_not_make_an_update_are_refused(size, parts):
    target = table()
    with pytest.raises(InvalidInputError):
        pieces(new_update(target, worker="one", request_id="r", base_version=0, size=size), *parts)
    assert contents(target)[1] == {0: [0.0] * 4, 1: [0.0] * 3}


def test_a_changed_byte_is_found():
    made = new_update(table(), worker="one", request_id="r", base_version=0, size=32)
    with pytest.raises(DataLossError):
        made.add(0, 0, bytes(32), crc=crc32c(bytes(31) + b"\1"))


@pytest.mark.parametrize(("worker", "request_id"), [("", "r"), ("w" * 257, "r"), ("w", ""), ("w", "r" * 65)])
def test_an_update_needs_names(worker, request_id):
    with pytest.raises(InvalidInputError):
        new_update(table(), worker=worker, request_id=request_id, base_version=0, size=0)


@pytest.mark.parametrize("parts", [{"rate": 0}, {"rate": 1.5}, {"rate": float("nan")}, {"max_lag": -1}])
def test_terms_out_of_range_are_refused(parts):
    with pytest.raises(InvalidInputError):
        Terms(Rule.EMA, **parts)


def test_parts_of_an_assignment_are_refused():
    with pytest.raises(InvalidInputError, match="in part"):
        Terms(Rule.ASSIGN, late=Late.SCALE)


def test_a_version_of_another_life_is_refused():
    target = table()
    first = target.version
    for version in (first - 1, first + 1):
        with pytest.raises(NotFoundError, match="another life"):
            push(target, {0: [1.0] * 4}, base=version)
        with pytest.raises(NotFoundError, match="another life"):
            target.read(since=version)
    assert contents(target)[1][0] == [0.0] * 4


def test_a_tensor_that_is_not_there_cannot_be_read():
    with pytest.raises(NotFoundError):
        table().read(tensors=[0, 2])


# --- mathematics -----------------------------------------------------------------------------------------------------


def test_sums_of_many_threads_are_the_sum_in_any_order():
    target = table((1000,))
    rng = Random(1)
    deltas = [[rng.randrange(-(2**20), 2**20) / 2**10 for _ in range(1000)] for _ in range(48)]
    barrier = threading.Barrier(6)

    def work(mine):
        barrier.wait()
        for number in mine:
            push(target, {0: deltas[number]}, request_id=f"r{number}", piece=512)

    threads = [threading.Thread(target=work, args=(range(first, 48, 6),)) for first in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    version, values = contents(target)
    assert version == target.version
    assert values[0] == np.sum(deltas, axis=0).tolist()  # Dyadic numbers: no order rounds.


@given(rate=st.sampled_from([0.5, 0.25]), values=st.lists(st.integers(-8, 8), min_size=1, max_size=10))
def test_elastic_averages_have_their_closed_form(rate, values):
    target = table((1,), terms=Terms(Rule.EMA, rate=rate))
    push(target, {0: [3.0]}, request_id="begin", rules={0: Rule.ASSIGN})
    for number, value in enumerate(values):
        push(target, {0: [float(value)]}, request_id=f"r{number}")
    keep, count = 1 - Fraction(rate), len(values)
    exact = keep**count * 3 + sum(Fraction(rate) * keep ** (count - 1 - i) * v for i, v in enumerate(values))
    assert contents(target)[1][0] == [float(exact)]


@pytest.mark.parametrize(("lag", "scale"), [(0, 1.0), (1, 1.0), (2, 2 / 3), (3, 0.5), (7, 0.25)])
def test_late_sums_count_in_part(lag, scale):
    target = table((2,), terms=Terms(max_lag=1, late=Late.SCALE))
    base = target.version
    for number in range(lag):
        push(target, {0: [0.0, 0.0]}, request_id=f"r{number}")
    applied = push(target, {0: [3.0, 6.0]}, base=base, request_id="late")
    assert (applied.lag, applied.scale) == (lag, scale)
    assert contents(target)[1][0] == [3.0 * scale, 6.0 * scale]


def test_a_late_average_moves_a_part_of_its_way():
    target = table((1,), terms=Terms(Rule.EMA, rate=0.5, max_lag=0, late=Late.SCALE))
    base = target.version
    push(target, {0: [8.0]}, request_id="begin", rules={0: Rule.ASSIGN})
    assert push(target, {0: [0.0]}, base=base).scale == 0.5
    assert contents(target)[1][0] == [6.0]


def test_late_updates_are_dropped_and_say_so():
    target = table((1,), terms=Terms(max_lag=0))
    base = target.version
    push(target, {0: [1.0]}, base=base, request_id="in time")
    applied = push(target, {0: [1.0]}, base=base, request_id="late")
    assert (applied.lag, applied.scale, applied.version) == (1, 0.0, target.version)
    assert contents(target) == (base + 1, {0: [1.0]})


def test_a_late_assignment_is_left_out_of_what_counts_in_part():
    target = table((1, 1), terms=Terms(max_lag=0, late=Late.SCALE))
    base = target.version
    push(target, {0: [1.0], 1: [1.0]}, base=base, request_id="in time")
    assert push(target, {0: [4.0], 1: [9.0]}, base=base, rules={1: Rule.ASSIGN}).scale == 0.5
    assert contents(target)[1] == {0: [3.0], 1: [1.0]}


def test_one_update_may_have_a_rule_for_each_tensor():
    target = table((1, 1, 1), terms=Terms(rate=0.5))
    push(target, {0: [2.0], 1: [2.0], 2: [2.0]}, request_id="begin", rules=dict.fromkeys(range(3), Rule.ASSIGN))
    push(target, {0: [1.0], 1: [1.0], 2: [1.0]}, rules={1: Rule.EMA, 2: Rule.ASSIGN})
    assert contents(target)[1] == {0: [3.0], 1: [1.5], 2: [1.0]}


# --- once -----------------------------------------------------------------------------------------------------------


def test_an_update_that_is_pushed_again_counts_once():
    target = table((1,))
    first = push(target, {0: [1.0]}, request_id="same")
    push(target, {0: [5.0]}, request_id="other")
    assert push(target, {0: [1.0]}, request_id="same") == first
    assert target.answer("same") == first
    assert contents(target)[1][0] == [6.0]


def test_of_one_update_that_many_push_at_once_one_counts():
    target = table((1,))
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(push(target, {0: [1.0]}, request_id="same"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(answers)) == 1
    assert contents(target)[1][0] == [1.0]


def test_the_beginning_of_a_blank_table_is_remembered_for_good():
    target = table((1,))
    assert target.is_blank
    push(target, {0: [1.0]}, request_id="beginning", rules={0: Rule.ASSIGN})
    for number in range(5000):
        push(target, {0: [1.0]}, request_id=f"r{number}")
    push(target, {0: [1.0]}, request_id="beginning", rules={0: Rule.ASSIGN})
    assert contents(target)[1][0] == [5001.0]
    assert target.answer("r0") is None
    assert not target.is_blank


# --- reading --------------------------------------------------------------------------------------------------------


def test_only_what_changed_is_read():
    target = table((1, 1, 1))
    push(target, {0: [1.0], 2: [1.0]}, request_id="a")
    seen = target.version
    assert contents(target, since=seen) == (seen, {})
    push(target, {2: [1.0]}, request_id="b")
    assert contents(target, since=seen) == (seen + 1, {2: [2.0]})
    assert contents(target, since=seen, tensors=[0]) == (seen + 1, {})
    assert contents(target, tensors=[0, 1]) == (seen + 1, {0: [1.0], 1: [0.0]})


def test_a_reading_keeps_its_version_while_pushes_go_on():
    target = table((2, 2))
    push(target, {0: [1.0, 1.0], 1: [2.0, 2.0]}, request_id="before")
    with target.read() as early:
        push(target, {0: [1.0, 1.0]}, request_id="meanwhile")
        with target.read() as late:
            push(target, {0: [1.0, 1.0]}, request_id="again")
            assert values_of(early) == {0: [1.0, 1.0], 1: [2.0, 2.0]}
            assert values_of(late)[0] == [2.0, 2.0]
    assert contents(target)[1][0] == [3.0, 3.0]


def test_readers_among_writers_always_see_whole_updates():
    target = table((64, 64))
    is_over = threading.Event()
    torn = []

    def read():
        while not is_over.is_set():
            version, values = contents(target)
            if {*values[0], *values[1]} != {float(version - first)}:
                torn.append(values)

    first = target.version
    readers = [threading.Thread(target=read) for _ in range(2)]
    for thread in readers:
        thread.start()
    for number in range(300):
        push(target, {0: [1.0] * 64, 1: [1.0] * 64}, request_id=f"r{number}")
    is_over.set()
    for thread in readers:
        thread.join()
    assert not torn
    assert contents(target)[1][0] == [300.0] * 64


def test_what_is_read_can_be_narrowed():
    target = table((3,), dtype="F32")
    raw = np.array([1.0, 1 + 2**-8, 3e38], np.float32).tobytes()
    made = new_update(target, worker="one", request_id="r", base_version=0, size=12)
    made.add(0, 0, raw, crc=crc32c(raw))
    target.apply(made)
    with target.read() as reading:
        found = b"".join(bytes(chunk.data) for chunk in reading.chunks(8, as_bf16=True))
    assert from_bf16(np.frombuffer(found, np.uint16)).tolist() == pytest.approx([1.0, 1.0, 3e38], rel=2**-8)
    with table().read() as wide, pytest.raises(UnsupportedError):
        list(wide.chunks(8, as_bf16=True))


# --- memory ---------------------------------------------------------------------------------------------------------


def test_memory_is_given_back_when_readings_and_tables_end():
    among = tables()
    target = table((1000,), among=among)
    alone = among.memory.taken()
    reading = target.read()
    push(target, {0: [1.0] * 1000})
    assert among.memory.taken() == alone + 8000
    push(target, {0: [1.0] * 1000}, request_id="again")  # What is not read any more is not copied any more.
    assert among.memory.taken() == alone + 8000
    among.drop(EXPERIMENT, "net")
    assert among.memory.taken() == 8000
    reading.close()
    reading.close()
    assert among.memory.taken() == 0


def test_a_reading_is_overtaken_where_there_is_no_memory_for_copies():
    target = table((1000,), among=tables(bytes_of([Slot("w0", "F64", (1000,))])))
    with target.read() as reading:
        push(target, {0: [1.0] * 1000})
        with pytest.raises(UnavailableError, match="written over"):
            reading.check()
    assert contents(target)[1][0] == [1.0] * 1000


def test_a_snapshot_is_not_overtaken():
    target = table((1000,), among=tables(bytes_of([Slot("w0", "F64", (1000,))])))
    with target.read(is_firm=True) as reading:
        with pytest.raises(ExhaustedResourceError):
            push(target, {0: [1.0] * 1000})
        assert values_of(reading)[0] == [0.0] * 1000
    assert push(target, {0: [1.0] * 1000}).scale == 1.0


def test_a_dropped_table_says_so():
    among = tables()
    target = table(among=among)
    among.drop(EXPERIMENT, "net")
    for attempt in (target.read, lambda: push(target, {0: [0.0] * 4})):
        with pytest.raises(NotFoundError, match="dropped"):
            attempt()


# --- a random history ------------------------------------------------------------------------------------------------

SIZES = (3, 1, 2)
VALUES = st.integers(-16, 16).map(lambda number: number / 4)


def after(before, pushed, *, kind, scale):
    if kind is Rule.SUM:
        return before + scale * pushed
    return before + scale * 0.5 * (pushed - before) if kind is Rule.EMA else pushed


class History(RuleBasedStateMachine):
    """Pushes, retries, pulls and long readings in any order, against a dictionary, to the last bit."""

    versions = Bundle("versions")
    readings = Bundle("readings")

    def __init__(self):
        super().__init__()
        self.table = table(SIZES, terms=Terms(rate=0.5, max_lag=2, late=Late.SCALE))
        self.first = self.version = self.table.version
        self.state = {index: [0.0] * size for index, size in enumerate(SIZES)}
        self.changed = dict.fromkeys(self.state, self.first)
        self.made = []

    @rule(target=versions)
    def look(self):
        return self.version

    @rule(
        base=versions,
        kinds=st.lists(st.sampled_from(Rule), min_size=3, max_size=3),
        chosen=st.sets(st.integers(0, 2)),
        values=st.lists(VALUES, min_size=3, max_size=3),
    )
    def push(self, base, kinds, chosen, values):
        pushed = {index: values[: SIZES[index]] for index in chosen}
        rules = {index: kinds[index] for index in chosen}
        made = update(self.table, pushed, base=base, request_id=f"r{len(self.made)}", rules=rules, piece=8)
        applied = self.table.apply(made)
        self.made.append((made, applied))
        lag = self.version - base
        scale = 1.0 if lag <= 2 else 3 / (lag + 1)
        counting = [index for index in chosen if scale == 1.0 or kinds[index] is not Rule.ASSIGN]
        self.version += bool(counting)
        for index in counting:
            self.changed[index] = self.version
            pairs = zip(self.state[index], pushed[index], strict=True)
            self.state[index] = [after(old, new, kind=kinds[index], scale=scale) for old, new in pairs]
        assert (applied.version, applied.lag, applied.scale) == (self.version, lag, scale)

    @rule(number=st.integers(0, 100))
    def push_again(self, number):
        if self.made:
            made, applied = self.made[number % len(self.made)]
            assert self.table.apply(made) == applied

    @rule(since=versions, chosen=st.sets(st.integers(0, 2)))
    def pull(self, since, chosen):
        found = contents(self.table, since=since, tensors=chosen)
        wanted = {i: self.state[i] for i in chosen or range(3) if self.changed[i] > since}
        assert found == (self.version, wanted)

    @rule(target=readings)
    def begin_reading(self):
        return self.table.read(), self.version, {index: list(self.state[index]) for index in self.state}

    @rule(reading=readings)
    def go_on_reading(self, reading):
        if not reading[0]._is_closed:
            assert (reading[0].version, values_of(reading[0])) == (reading[1], reading[2])

    @rule(reading=readings)
    def end_reading(self, reading):
        reading[0].close()

    @invariant()
    def versions_rise_with_what_counts(self):
        assert self.table.version == self.version


TestHistory = History.TestCase
TestHistory.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
