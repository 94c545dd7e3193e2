"""What the trend of a soak says of samples that were made up."""

import random

import pytest
from nascore.testing.soak import HOUR_OF_TRIALS, Sample, trend

MIB = 1 << 20


def life(pid, memory, *, begun=0, looks=100, every=20, descriptors=lambda ended: 30):
    return [
        Sample("server", pid, begun + place * every, int(memory(place * every)), descriptors(place * every))
        for place in range(looks)
    ]


def test_steady_growth_is_found_by_the_hour():
    found = trend(life(1, lambda ended: 80 * MIB + 2 * MIB * ended / HOUR_OF_TRIALS), "server")
    assert found.memory_mib == pytest.approx(2.0, abs=0.01)
    assert found.highest_bytes > 80 * MIB


def test_warming_up_and_one_step_are_no_growth():
    found = trend(life(1, lambda ended: (40 * MIB if ended < 300 else 90 * MIB) + (ended > 1800) * 9 * MIB), "server")
    assert found.memory_mib == pytest.approx(0.0, abs=0.01)


def test_noise_hides_no_growth():
    rng = random.Random(1)
    found = trend(life(1, lambda ended: 80 * MIB + 3 * MIB * ended / 100 + rng.uniform(-6, 6) * MIB), "server")
    assert found.memory_mib == pytest.approx(3.0, abs=0.3)


def test_lives_are_looked_at_one_by_one():
    lives = [each for pid in range(5) for each in life(pid, lambda ended, pid=pid: (50 + pid) * MIB, begun=pid * 2000)]
    found = trend(lives, "server")
    assert (found.lives, found.memory_mib) == (5, 0.0)


def test_descriptors_that_stay_open_are_counted_over_the_longest_life():
    found = trend(life(1, lambda ended: 80 * MIB, descriptors=lambda ended: 30 + ended // 100), "server")
    assert found.descriptors == pytest.approx(15, abs=1)
    assert trend(life(1, lambda ended: 80 * MIB), "server").descriptors == 0.0


@pytest.mark.parametrize("samples", [[], life(1, lambda ended: MIB, looks=9), life(1, lambda ended: MIB, every=0)])
def test_too_little_to_say_anything_is_none(samples):
    assert trend(samples, "server") is None


def test_another_role_is_not_looked_at():
    assert trend(life(1, lambda ended: MIB), "worker") is None
