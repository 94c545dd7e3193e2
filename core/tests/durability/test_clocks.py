"""Clocks that jump and servers that stand still, in real processes."""

import pytest
from nascore.testing.durability import clocks

pytestmark = pytest.mark.slow


def test_a_wall_clock_that_jumps_loses_no_trial_and_spoils_no_duration(tmp_path, require):
    require(clocks.missing())
    assert clocks.jump(tmp_path) == []


def test_a_server_that_stood_still_hears_its_workers_before_it_gives_their_trials_away(tmp_path):
    assert clocks.stop_and_go(tmp_path) == []
