"""A full disk under a real server: refused, still read, and taken when there is room."""

import pytest
from nascore.testing.durability import mounts
from nascore.testing.durability.fulldisk import fill_disk


@pytest.mark.slow
def test_a_full_disk_refuses_reads_on_and_heals(tmp_path, require):
    require(mounts.missing())
    found = fill_disk(tmp_path)
    assert found.violations == []
    assert found.kept > 5
    assert found.refused > 5
