"""Disks that forget, on file systems of our own: root only."""

import pytest
from nascore.testing.durability import mounts
from nascore.testing.durability.powercut import cut_power, overcommit

pytestmark = pytest.mark.slow


def test_ten_power_cuts_lose_no_acknowledged_word(require):
    require(mounts.missing())
    found = cut_power(10)
    assert found.violations == []
    assert found.words > 0


def test_a_log_that_syncs_too_little_is_found_out(require):
    require(mounts.missing())
    assert cut_power(3, defect="normal").broken == 3


def test_a_sync_that_failed_is_not_believed_when_the_next_one_succeeds(require):
    require(mounts.missing())
    found = overcommit(1)
    assert found.violations == []
    assert found.refused >= 3
