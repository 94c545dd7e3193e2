from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nascore.record import TunerLimits
from nascore.tuner import HostLimits

SAID = st.builds(
    TunerLimits,
    timeout_s=st.none() | st.floats(1e-3, 600_000),
    memory_bytes=st.none() | st.integers(2**24, 2**50),
    deaths=st.none() | st.integers(1, 10),
)


def test_where_nothing_is_said_the_defaults_hold():
    assert HostLimits.allowing(TunerLimits()) == HostLimits()


def test_a_short_timeout_leaves_opening_and_replaying_their_time():
    limits = HostLimits.allowing(TunerLimits(timeout_s=2.0))
    assert limits == replace(HostLimits(), ask_timeout_s=2.0, tell_timeout_s=2.0)


def test_a_long_timeout_gives_opening_and_replaying_more():
    limits = HostLimits.allowing(TunerLimits(timeout_s=600.0))
    assert (limits.ask_timeout_s, limits.open_timeout_s, limits.replay_timeout_s) == (600.0, 600.0, 3000.0)


@given(SAID)
def test_what_is_said_is_what_holds(said):
    limits = HostLimits.allowing(said)
    assert said.timeout_s in (None, limits.ask_timeout_s)
    assert said.memory_bytes in (None, limits.memory_bytes)
    assert said.deaths in (None, limits.max_deaths)
    assert limits.replay_timeout_s >= limits.open_timeout_s >= HostLimits().open_timeout_s


@pytest.mark.parametrize("said", [TunerLimits(memory_bytes=2**30), TunerLimits(deaths=1)])
def test_nothing_but_the_timeout_changes_deadlines(said):
    limits, default = HostLimits.allowing(said), HostLimits()
    assert (limits.ask_timeout_s, limits.replay_timeout_s) == (default.ask_timeout_s, default.replay_timeout_s)
