"""Exchanges whose answers get lost: the same update goes out under the same id, and counts once."""

import pytest
from nas_trial.sharing.exchange import Exchange
from nascore.errors import DataLossError, NotFoundError, UnavailableError
from nascore.weights.live import Applied, Share, Snapshot


class Table:
    """A table whose calls fail as it is told, in order."""

    def __init__(self, *troubles):
        self.troubles = list(troubles)
        self.pushed = []
        self.opened = 0

    def open(self, beginning):
        self.opened += 1

    def push(self, shares, *, request_id=None):
        self.pushed.append((tuple(shares), request_id))
        self.fail()
        return Applied(1, 0, 1.0)

    def pull(self, take, *, as_bf16=False):
        self.fail()
        take(3, 0, memoryview(b"x"))
        return 1

    def snapshot(self, *, trial=0, notes=None):
        return Snapshot("", 1)

    def drop(self):
        """Nothing is kept."""

    def fail(self):
        trouble = self.troubles.pop(0) if self.troubles else None
        if trouble is not None:
            raise trouble


@pytest.fixture
def exchange():
    made = []

    def exchange(table, **parts):
        settings = {"as_bf16": False, "away_limit_s": 60.0, **parts}
        made.append(Exchange(table, take=lambda *_: None, beginning=list, **settings))
        return made[-1]

    yield exchange
    for one in made:
        one.close()


SHARES = [Share(0, memoryview(b"1234"))]


def test_an_unanswered_push_goes_out_again_under_its_id(exchange):
    table = Table(UnavailableError("lost"), UnavailableError("lost again"))
    one = exchange(table)
    one.begin(SHARES)
    assert not one.join()
    assert not one.join()  # Nothing is under way, and it has still to go on.
    one.go_on()
    assert not one.join()
    one.go_on()
    assert one.join()
    assert len(table.pushed) == 3
    assert len(set(map(repr, table.pushed))) == 1
    assert (one.tally.pushed, one.tally.failed, one.taken) == (1, 2, {3})


def test_what_was_pushed_is_not_pushed_again_because_a_pull_failed(exchange):
    table = Table(None, UnavailableError("lost"))
    one = exchange(table)
    one.begin(SHARES)
    assert not one.join()
    one.go_on()
    assert one.join()
    assert len(table.pushed) == 1
    assert one.taken == {3}


def test_each_update_has_an_id_of_its_own(exchange):
    table = Table()
    one = exchange(table)
    for _ in range(3):
        one.begin(SHARES)
        assert one.join()
    assert len({request_id for _, request_id in table.pushed}) == 3


def test_a_lost_table_is_opened_again_and_the_update_is_not_repeated(exchange):
    table = Table(NotFoundError("lost"))
    one = exchange(table)
    one.begin(SHARES)
    assert one.join()
    assert (table.opened, len(table.pushed), one.tally.lost) == (1, 1, 1)


def test_other_errors_reach_the_training(exchange):
    one = exchange(Table(DataLossError("broken")))
    one.begin(SHARES)
    with pytest.raises(DataLossError):
        one.join()


def test_a_server_that_is_away_for_too_long_is_an_error(exchange):
    now = [0.0]
    one = exchange(Table(*[UnavailableError("away")] * 9), clock=lambda: now[0])
    one.begin(SHARES)
    assert not one.join()
    now[0] = 59.0
    one.go_on()
    assert not one.join()
    now[0] = 61.0
    one.go_on()
    with pytest.raises(UnavailableError):
        one.join()


def test_snapshots_are_taken_every_so_often(exchange):
    now = [0.0]
    table = Table()
    taken = []
    table.snapshot = lambda **_: taken.append(now[0])
    one = exchange(table, clock=lambda: now[0], snapshot_every_s=10.0)
    for now[0] in (5.0, 10.0, 12.0, 25.0):
        one.begin(SHARES)
        assert one.join()
    assert taken == [10.0, 25.0]
