from hypothesis import given
from hypothesis import strategies as st
from nascore.experiment.leases import Deadlines

actions = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(0, 4), st.integers(0, 20)),
        st.tuples(st.just("drop"), st.integers(0, 4), st.just(0)),
        st.tuples(st.just("expire"), st.just(0), st.integers(0, 20)),
    ),
    max_size=40,
)


@given(actions)
def test_leases_run_out_when_a_plain_table_says_so(steps):
    deadlines, table = Deadlines(), {}
    for action, number, at in steps:
        if action == "set":
            deadlines.set(number, float(at))
            table[number] = float(at)
        elif action == "drop":
            deadlines.drop(number)
            table.pop(number, None)
        else:
            over = {number for number, until in table.items() if until <= at}
            assert set(deadlines.expired(float(at))) == over
            table = {number: until for number, until in table.items() if number not in over}
        assert deadlines.next() == min(table.values(), default=None)


def test_renewing_does_not_gather_memory():
    deadlines = Deadlines()
    for second in range(10_000):
        deadlines.set(1, second + 30.0)
    assert len(deadlines._heap) == 1
