"""The kill loop strikes whom it is told to, as often as it is told to, and waits until all is well."""

import random
import signal
import subprocess
import sys

import psutil
import pytest
from nascore.errors import DeadlineError, InvalidInputError
from nascore.testing.killing import KillLoop, Role, descendants


class Sleepers:
    """Processes that only sleep, and are replaced when they are killed."""

    def __init__(self, count):
        self.killed = []
        self.processes = [self.sleeper() for _ in range(count)]

    def sleeper(self):
        return subprocess.Popen(["sleep", "600"])

    def pids(self):
        return [process.pid for process in self.processes if process.poll() is None]

    def replace(self, pid):
        (process,) = (process for process in self.processes if process.pid == pid)
        assert process.wait(60) == -signal.SIGKILL
        self.killed.append(pid)
        self.processes.remove(process)
        self.processes.append(self.sleeper())

    def end(self):
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def sleepers():
    sleepers = Sleepers(3)
    yield sleepers
    sleepers.end()


def loop(*roles, seed=1, pause_s=(0, 0.001), patience_s=60):
    return KillLoop(roles, rng=random.Random(seed), pause_s=pause_s, patience_s=patience_s)


def test_a_loop_without_victims_or_with_a_pause_that_is_none_is_refused():
    with pytest.raises(InvalidInputError, match="nobody"):
        loop()
    with pytest.raises(InvalidInputError, match="pause_s"):
        loop(Role("x", list), pause_s=(2, 1))


def test_as_many_are_killed_as_wanted_and_each_is_revived(sleepers):
    tally = loop(Role("sleeper", sleepers.pids, revive=sleepers.replace)).run(7)
    assert tally.kills == {"sleeper": 7}
    assert len(set(sleepers.killed)) == 7
    assert len(tally.recoveries["sleeper"]) == 7
    assert tally.stops == {}


def test_roles_are_chosen_by_their_weight(sleepers):
    never = Role("never", list, weight=0)
    assert loop(never, Role("sleeper", sleepers.pids, revive=sleepers.replace)).run(5).kills == {"sleeper": 5}


def test_the_same_seed_chooses_the_same_roles():
    def order(seed):
        others = Sleepers(2)
        chosen = []
        try:
            roles = [
                Role(name, others.pids, revive=lambda pid, name=name: (chosen.append(name), others.replace(pid)))
                for name in "abc"
            ]
            loop(*roles, seed=seed).run(6)
        finally:
            others.end()
        return chosen

    assert order(3) == order(3)
    assert len(set(order(3))) > 1


def test_a_stopped_process_goes_on(sleepers):
    role = Role("sleeper", sleepers.pids, revive=sleepers.replace, stops=0.8, stop_s=(0, 0.01))
    tally = loop(role).run(2)
    assert tally.stops["sleeper"] > 0
    assert tally.kills["sleeper"] == 2
    assert all(psutil.Process(pid).status() != psutil.STATUS_STOPPED for pid in sleepers.pids())


def test_one_waits_for_a_victim_and_for_recovery_no_longer_than_patience(sleepers):
    with pytest.raises(DeadlineError, match="there is no ghost to strike"):
        loop(Role("ghost", list), patience_s=0.05).run(1)
    with pytest.raises(DeadlineError, match=r"not all is well after sleeper \(process \d+\) was killed"):
        loop(Role("sleeper", sleepers.pids, is_back=lambda pid: False), patience_s=0.05).run(1)


def test_descendants_are_found_by_what_their_command_line_says():
    code = "import subprocess, sys; subprocess.run(['sleep', '601'])"
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        try:
            family = psutil.Process(parent.pid)
            while not family.children():
                pass
            (child,) = (process.pid for process in family.children())
            while not descendants(parent.pid, mark="601"):
                pass
            assert descendants(parent.pid, mark="601") == (child,)
            assert descendants(parent.pid, mark="602") == ()
        finally:
            for process in [*psutil.Process(parent.pid).children(), parent]:
                process.kill()
    assert descendants(parent.pid, mark="601") == ()
