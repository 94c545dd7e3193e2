"""Writers that are killed at any moment break no promise; a store that breaks one is found out."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("killed_store.py")


def killed(folder, kills, *, seed=1, bug=""):
    words = [sys.executable, str(SCRIPT), str(folder / "weights"), str(kills), str(seed), *([bug] if bug else [])]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=600)


def test_killed_writers_lose_nothing_and_leave_nothing_half_done(tmp_path):
    done = killed(tmp_path, 12)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [2, 3])
def test_two_hundred_killed_writers_lose_nothing(tmp_path, seed):
    done = killed(tmp_path, 200, seed=seed)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("bug", ["row-before-file", "collect-without-dying", "index-before-log", "successor-of-nobody"])
def test_a_store_with_a_planted_bug_is_found_out(tmp_path, bug):
    done = killed(tmp_path, 40, bug=bug)
    assert done.returncode == 1, done.stdout
    assert "kills" in done.stdout
