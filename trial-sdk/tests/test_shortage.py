import os
import time
from pathlib import Path

import pytest
from nas_trial.isolation.shortage import Kills
from nascore.record import FailureKind, OutcomeStatus

GROUPS = Path("/sys/fs/cgroup/memory")
LIMITED = 1200 * 2**20


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("group", "counter"),
    [
        ("0::/user.slice/a.scope", "sys/fs/cgroup/user.slice/a.scope/memory.events"),
        ("0::/", "sys/fs/cgroup/memory.events"),
        ("1:cpu:/\n4:memory:/box\n0::/", "sys/fs/cgroup/memory/box/memory.oom_control"),
        ("0::/../elsewhere", "proc/vmstat"),
        ("0::/without/counter", "proc/vmstat"),
    ],
)
def test_the_counter_of_the_own_control_group_counts(tmp_path, group, counter):
    write(tmp_path / "proc/self/cgroup", group + "\n")
    write(tmp_path / "proc/vmstat", "nr_free_pages 1\noom_kill 7\n")
    write(tmp_path / counter, "low 0\noom 3\noom_kill 2\noom_group_kill 9\n")
    kills = Kills(tmp_path)
    assert kills.count() == 2
    write(tmp_path / counter, "oom_kill 3\n")
    assert kills.count() == 3


def test_a_system_without_counters_counts_none(tmp_path):
    assert Kills(tmp_path).count() == 0


@pytest.fixture
def small_group():
    group = GROUPS / f"nascore-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(LIMITED))
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    yield group
    # The last processes of the worker may take a moment to be gone.
    for _ in range(500):
        try:
            group.rmdir()
            return
        except OSError:
            time.sleep(0.02)


def test_a_trial_that_the_kernel_kills_for_memory_is_recorded_so(serve, small_group):
    served = serve("greedy", "good")
    served.work(GROUP=str(small_group))
    failure = served.outcome(0).failure
    assert failure.kind is FailureKind.OUT_OF_MEMORY
    assert failure.message == "The kernel ended the trial's process by SIGKILL: out of memory."
    assert served.outcome(1).status is OutcomeStatus.COMPLETED
