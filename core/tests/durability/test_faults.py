"""Durability calls killed and failed, one after the other: nothing acknowledged is lost, and the search goes on."""

import os
import subprocess
import sys

import pytest
from nascore.experiment import DATABASE_NAME
from nascore.failpoints import VARIABLE
from nascore.testing.durability import faults
from nascore.testing.durability.checkpoints import CheckpointSubject
from nascore.testing.durability.judge import Run, calm, judged, whole_lines
from nascore.testing.durability.subjects import KILL, SearchSubject
from nascore.testing.durability.sweep import sweep

SEARCH = [sys.executable, "-m", "nascore.testing.durability.search"]


def searched(folder, trials, rules="", *options):
    folder.mkdir()
    environ = {**os.environ, VARIABLE: rules}
    command = [*SEARCH, *options, str(folder / DATABASE_NAME), str(trials)]
    done = subprocess.run(command, capture_output=True, env=environ, timeout=60, check=False)
    return Run(whole_lines(done.stdout), done.returncode, done.stderr.decode()[-400:])


@pytest.fixture
def reference():
    return calm(5)


@pytest.mark.parametrize("place", ["journal.before_commit=kill@4", "journal.after_commit=kill@4"])
def test_a_kill_beside_a_commit_loses_no_acknowledged_word(quick, reference, place):
    run = searched(quick / "run", 4, place)
    assert run.status == -9
    assert judged(quick / "run", run, reference=reference) == []


@pytest.mark.parametrize("name", ["EIO", "ENOSPC"])
def test_a_failed_commit_is_refused_and_then_taken_by_the_same_process(quick, reference, name):
    run = searched(quick / "run", 4, f"journal.before_commit=error:{name}@4")
    assert run.status == 0, run.complaint
    assert sum(line.startswith("refused ") for line in run.said) == 1
    assert judged(quick / "run", run, reference=reference) == []


def test_the_judge_finds_a_word_that_is_missing_and_one_that_is_not_allowed(quick, reference):
    run = searched(quick / "run", 1)
    said = (*run.said, "finish finish-1 1 0.5", "refused report DataLossError It is gone.")
    found = judged(quick / "run", Run(said, 0), reference=reference)
    assert found == [
        "it answered DataLossError to report: It is gone.",
        "acknowledged, but not in the log: finish finish-1 1 0.5",
    ]


def test_the_judge_finds_a_search_that_went_another_way(quick, reference):
    searched(quick / "run", 1)
    changed = [*reference[:2], (*reference[2][:3], "another outcome", ()), *reference[3:]]
    assert "from 2 on" in judged(quick / "run", Run((), 0), reference=changed)[0]


def test_the_judge_finds_a_crash_and_damage(quick, reference):
    run = searched(quick / "run", 2)
    database = quick / "run" / DATABASE_NAME
    content = bytearray(database.read_bytes())
    content[-8192:] = bytes(8192)
    database.write_bytes(content)
    found = judged(quick / "run", Run(run.said, 1, "Traceback"), reference=reference)
    assert found[0] == "it ended with status 1: Traceback"
    assert len(found) > 1


@pytest.mark.slow
@pytest.mark.parametrize("effect", [KILL, "error=EIO", "retval=0"])
def test_every_fifth_write_to_the_log_killed_or_failed_loses_nothing(quick, require, effect):
    require(faults.missing())
    rows = sweep(SearchSubject("begun", quick, more=2), quick, calls=["pwrite64"], effects=[effect], step=5)
    assert sum(row.points for row in rows) >= 3
    assert [text for row in rows for text in row.violations] == []


@pytest.mark.slow
@pytest.mark.parametrize("effect", [KILL, "error=EIO"])
def test_every_fourth_sync_killed_or_failed_loses_nothing(quick, require, effect):
    require(faults.missing())
    rows = sweep(SearchSubject("begun", quick, more=2), quick, calls=["fdatasync"], effects=[effect], step=4)
    assert sum(row.points for row in rows) >= 3
    assert [text for row in rows for text in row.violations] == []


@pytest.mark.slow
def test_a_log_that_acknowledges_too_early_is_found_out(quick, require):
    require(faults.missing())
    subject = SearchSubject("begun", quick, more=2, defect="early")
    # A kill does not undo what was written already, so the process dies while it writes.
    rows = sweep(subject, quick, files=[f"{DATABASE_NAME}-wal"], calls=["pwrite64"], effects=[KILL], step=6)
    assert any("acknowledged, but not in the log" in text for row in rows for text in row.violations)


@pytest.mark.slow
@pytest.mark.parametrize("effect", [KILL, "error=EIO", "error=ENOSPC"])
def test_checkpoints_are_whole_whatever_rename_or_folder_fails(quick, require, effect):
    require(faults.missing())
    rows = sweep(CheckpointSubject(quick), quick, calls=["rename", "mkdir"], effects=[effect], step=3)
    assert sum(row.points for row in rows) >= 3
    assert [text for row in rows for text in row.violations] == []
