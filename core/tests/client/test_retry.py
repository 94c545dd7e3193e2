"""Back-off with full jitter, within a patience."""

import random
from itertools import count, islice, repeat

from nascore.client.retry import BASE_S, CAP_S, Patience, jittered_delays


class Largest(random.Random):
    def uniform(self, a: float, b: float) -> float:
        return b


def test_ceiling_doubles_up_to_the_cap() -> None:
    ceilings = list(islice(jittered_delays(Largest()), 9))
    assert ceilings[:4] == [BASE_S, BASE_S * 2, BASE_S * 4, BASE_S * 8]
    assert ceilings[-1] == CAP_S


def test_jitter_spreads_over_the_whole_range() -> None:
    drawn = [next(islice(jittered_delays(random.Random(seed)), 3, None)) / (BASE_S * 8) for seed in range(200)]
    assert min(drawn) < 0.1
    assert max(drawn) > 0.9
    assert all(0 <= part <= 1 for part in drawn)


def test_patience_ends() -> None:
    clock = count(0.0, 10.0)
    patience = Patience(lambda: next(clock), 25.0, repeat(1.0))
    assert [patience.next_delay() for _ in range(4)] == [1.0, 1.0, 1.0, None]


def test_last_delay_does_not_overrun_patience() -> None:
    assert Patience(lambda: 24.5, 25.0, repeat(1.0)).next_delay() == 0.5
