import asyncio
import io
import threading
import time
from pathlib import Path

import nas_trial as nas
import pytest
import torch
from nas_trial.live_table import LiveTable
from nascore.errors import InvalidInputError, NotFoundError, TunerCrashedError
from nascore.record import ExperimentSpec, ExperimentState, TrialState, TunerLimits
from nascore.weights import DirectoryStore
from rich.console import Console
from torch import nn


class Blobs(nas.Trial):
    epochs = 1
    device = "cpu"
    interrupt_at = -1
    begun = 0

    def build(self):
        return nas.LayerChoice({str(n): (lambda n=n: nn.Linear(4, n)) for n in (2, 3, 4, 5)}, label="op")

    def train_batches(self):
        self.begun += 1
        if self.begun == self.interrupt_at:
            raise KeyboardInterrupt
        inputs = torch.randn(16, 4)
        return [(inputs, (inputs[:, 0] > 0).long())]

    validation_batches = train_batches


def search(trial, tmp_path, **settings):
    return nas.search(trial, tuner="random", seed=3, home=tmp_path, **settings)


def test_a_search_in_this_process_finds_a_best_trial(tmp_path):
    result = search(Blobs(), tmp_path, trials=4)
    assert [trial.number for trial in result.trials] == [0, 1, 2, 3]
    assert {trial.state for trial in result.trials} == {TrialState.SUCCEEDED}
    assert result.experiment.state is ExperimentState.FINISHED
    scores = [trial.outcome.metrics["accuracy"] for trial in result.trials]
    assert result.best.outcome.metrics["accuracy"] == max(scores)
    model = nas.build(Blobs().build, result.best.proposal.architecture)
    store = DirectoryStore(result.folder / "weights")
    nas.load_weights(result.best.checkpoint, store, into=model)
    assert {one.experiment for one in store.checkpoints().checkpoints} == {result.experiment.id}
    assert "epoch 1/1" in (result.folder / "logs" / "trial-0.log").read_text()


def test_the_same_seed_gives_the_same_search(tmp_path):
    first, second = (search(Blobs(), tmp_path, trials=3) for _ in range(2))
    assert [trial.outcome.metrics for trial in first.trials] == [trial.outcome.metrics for trial in second.trials]
    assert first.folder != second.folder


def test_an_interrupt_ends_the_search_and_keeps_what_was_found(tmp_path):
    trial = Blobs()
    trial.interrupt_at = 5
    result = search(trial, tmp_path, trials=50)
    assert result.experiment.state is ExperimentState.STOPPED
    assert len([trial for trial in result.trials if trial.state is TrialState.SUCCEEDED]) == 2


def test_an_unknown_tuner_is_refused(tmp_path):
    with pytest.raises(NotFoundError, match="randm"):
        nas.search(Blobs(), tuner="randm", home=tmp_path)


def test_a_tuner_above_its_memory_is_ended_and_the_figure_is_named(tmp_path):
    with pytest.raises(TunerCrashedError, match=r"above the limit of 16 MiB.* It was tried twice"):
        search(Blobs(), tmp_path, trials=2, tuner_limits=TunerLimits(memory_bytes=16 * 2**20))


def test_the_table_shows_the_best_trials(tmp_path):
    result = search(Blobs(), tmp_path, trials=2)
    console = Console(width=120, file=io.StringIO())
    table = LiveTable(ExperimentSpec(tuner="random")).table(result.experiment, result.front)
    console.print(table)
    text = console.file.getvalue()
    assert "2 succeeded" in text
    assert result.best.proposal.architecture.to_json() in text


def test_searches_leave_no_threads_and_no_open_files_behind(tmp_path):
    def left():
        return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()

    search(Blobs(), tmp_path, trials=1)
    before = left()
    for _ in range(3):
        search(Blobs(), tmp_path, trials=1)
    # The last search's threads may be ending still.
    end = time.monotonic() + 60
    while any(now > then for now, then in zip(left(), before, strict=True)):
        assert time.monotonic() < end, (left(), before)
        time.sleep(0.01)


def test_a_search_runs_below_a_running_event_loop(tmp_path):
    async def cell():
        return search(Blobs(), tmp_path, trials=2)

    assert len(asyncio.run(cell()).trials) == 2


def test_a_class_in_place_of_a_trial_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match=r"nas\.search takes .*not the class Blobs.*Blobs\(\)"):
        nas.search(Blobs, home=tmp_path)
