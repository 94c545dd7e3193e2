"""The crew with a launcher that says when workers die; time is real but waits are short."""

from dataclasses import replace
from pathlib import Path

import pytest
from nascore.cli import crew as crew_module
from nascore.cli.crew import MOST_DEATHS, Crew, Watch
from nascore.cli.failure import SearchFailedError
from nascore.launch import Launcher, Worker, WorkerSpec, WorkerState, WorkerStatus


class Dying(Launcher):
    """Every worker is dead when it is first looked at, until ``lives`` have been used up."""

    def __init__(self, status):
        self.status = status
        self.started = []

    def start(self, spec):
        self.started.append(spec.name)
        return Worker(spec.name, str(len(self.started)))

    def poll(self, worker):
        return self.status(len(self.started))

    def stop(self, worker, *, grace_s):
        return WorkerStatus(WorkerState.EXITED, code=0)

    def log_file(self, worker):
        return Path("worker.log")


EXITED = WorkerStatus(WorkerState.EXITED, code=3)
RUNNING = WorkerStatus(WorkerState.RUNNING)


class Search:
    def __init__(self):
        self.has_space = True
        self.trials_done = 0
        self.has_ended = False
        self.notices = []
        self.lost = []
        self.finished_by_the_dead = 0

    def watch(self):
        async def die(worker):
            self.trials_done += self.finished_by_the_dead

        async def lose(worker, status):
            self.lost.append((worker, status))

        return Watch(
            has_space=lambda: self.has_space,
            done=lambda: self.trials_done,
            has_ended=lambda: self.has_ended,
            died=die,
            lost=lose,
            notice=self.notices.append,
        )


@pytest.fixture
def search(monkeypatch):
    monkeypatch.setattr(crew_module, "_POLL_S", 0.001)
    monkeypatch.setattr(crew_module, "_FIRST_WAIT_S", 0.001)
    return Search()


@pytest.fixture
def spec(tmp_path):
    log = tmp_path / "worker-0.log"
    log.write_text("line one\nModuleNotFoundError: No module named 'nas'\n")
    return WorkerSpec("worker-0", ("python", "trial.py"), log_file=log)


async def test_dying_before_the_space_is_known_ends_it_with_the_last_lines(search, spec):
    search.has_space = False
    with pytest.raises(SearchFailedError, match="exited with code 3 before its first trial") as caught:
        await Crew(Dying(lambda _: EXITED), [spec], search.watch()).run()
    assert caught.value.excerpt.endswith("No module named 'nas'")
    assert "`python trial.py`" in caught.value.hint


async def test_ending_well_without_a_word_asks_for_nas_run(search, spec):
    search.has_space = False
    with pytest.raises(SearchFailedError, match="without asking for a trial") as caught:
        await Crew(Dying(lambda _: WorkerStatus(WorkerState.EXITED, code=0)), [spec], search.watch()).run()
    assert "nas.run(" in caught.value.hint


async def test_five_deaths_in_a_row_end_it(search, spec):
    launcher = Dying(lambda _: EXITED)
    with pytest.raises(SearchFailedError, match="died 5 times in a row"):
        await Crew(launcher, [spec], search.watch()).run()
    assert len(launcher.started) == MOST_DEATHS
    assert len(search.lost) == MOST_DEATHS - 1
    assert [notice.split("started again in ")[1].split(" s")[0] for notice in search.notices] == [
        "0.001",
        "0.002",
        "0.004",
        "0.008",
    ]


async def test_a_trial_written_off_for_a_dead_worker_is_no_sign_of_life(search, spec):
    launcher = Dying(lambda _: EXITED)
    watch = search.watch()

    async def fail_its_trial(worker, status):
        search.trials_done += 1

    with pytest.raises(SearchFailedError, match="died 5 times in a row"):
        await Crew(launcher, [spec], replace(watch, lost=fail_its_trial)).run()
    assert len(launcher.started) == MOST_DEATHS


async def test_a_trial_that_the_dead_had_finished_is_a_sign_of_life(search, spec):
    search.finished_by_the_dead = 1

    def status(started):
        search.has_ended = started == 2 * MOST_DEATHS
        return EXITED

    launcher = Dying(status)
    await Crew(launcher, [spec], search.watch()).run()
    assert len(launcher.started) == 2 * MOST_DEATHS


async def test_a_trial_that_ends_between_deaths_starts_the_count_anew(search, spec):
    def status(started):
        search.trials_done = started // 3
        search.has_ended = started == 12
        return EXITED

    launcher = Dying(status)
    await Crew(launcher, [spec], search.watch()).run()
    assert len(launcher.started) == 12


async def test_a_dead_worker_s_trial_is_written_off_at_once(search, spec):
    def status(started):
        search.has_ended = started == 2
        return EXITED if started == 1 else RUNNING

    await Crew(Dying(status), [spec], search.watch()).run()
    assert search.lost == [("worker-0", EXITED)]


async def test_workers_that_go_home_at_the_end_are_not_started_again(search, spec):
    def status(started):
        search.has_ended = True
        return WorkerStatus(WorkerState.EXITED, code=0)

    launcher = Dying(status)
    await Crew(launcher, [spec], search.watch()).run()
    assert launcher.started == ["worker-0"]
    assert search.notices == []
