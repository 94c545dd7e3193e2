import math

import pytest
from nascore.errors import SettingsError
from nascore.record import TunerLimits


@pytest.mark.parametrize("timeout_s", [0, -1.0, math.nan, math.inf, 7 * 86400 + 1, True, "10s"])
def test_a_timeout_is_above_zero_and_at_most_a_week(timeout_s):
    with pytest.raises(SettingsError, match=r"timeout, .*, is not above 0 and at most a week") as refused:
        TunerLimits(timeout_s=timeout_s)
    assert refused.value.hint


@pytest.mark.parametrize("memory_bytes", [0, -1, 8, 16 * 2**20 - 1, 8e9, True, "8GiB"])
def test_memory_is_enough_for_some_tuner(memory_bytes):
    with pytest.raises(SettingsError, match=r"memory, .* bytes, is not a whole number from 16 MiB") as refused:
        TunerLimits(memory_bytes=memory_bytes)
    assert refused.value.hint


@pytest.mark.parametrize("deaths", [0, -1, 11, 1.0, True, "2"])
def test_one_death_is_borne_at_least_and_ten_at_most(deaths):
    with pytest.raises(SettingsError, match=r"deaths, .*, are not a whole number from 1 to 10") as refused:
        TunerLimits(deaths=deaths)
    assert refused.value.hint


def test_what_is_said_later_goes_before_and_the_rest_stays():
    first = TunerLimits(timeout_s=5.0, deaths=2)
    assert first.overridden_by(TunerLimits(deaths=3)) == TunerLimits(timeout_s=5.0, deaths=3)
    assert first.overridden_by(TunerLimits()) == first
    assert TunerLimits().overridden_by(first) == first
