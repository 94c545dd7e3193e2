import json
import os
import random
import subprocess
import sys
import threading
from contextlib import nullcontext

import nas_trial as nas
import pytest
import torch
from nas_trial.failures import Stopped
from nas_trial.oneshot.carrying import settle_search
from nas_trial.oneshot.executor import Executor
from nas_trial.oneshot.overseer import Ended, Wish
from nas_trial.oneshot.work import MAX_FAILED
from nascore.errors import NotFoundError, UnavailableError
from nascore.record import FailureKind, OutcomeStatus, Proposal, Task
from nascore.weights import OWN, DirectoryStore

EXPERIMENT, SAVED = "abcdefgh", "search of trial 0"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def run(program, folder, kill_at, tuner):
    command = [sys.executable, str(program), str(folder), str(kill_at), tuner]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | ONE_THREAD)


def found(done):
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("found "))
    return json.loads(line.removeprefix("found "))


@pytest.mark.parametrize("tuner", ["mixing", "drawing"])
def test_a_search_that_was_killed_goes_on_bit_by_bit(program, tmp_path, tuner):
    whole = found(run(program, tmp_path / "whole", -1, tuner))
    kill_at = random.Random(tuner).randrange(5, 35) if tuner == "mixing" else 17
    assert run(program, tmp_path / "killed", kill_at, tuner).returncode == -9
    resumed = found(run(program, tmp_path / "killed", -1, tuner))
    assert 0 < resumed["begun"] <= kill_at
    kept = {key: value for key, value in resumed.items() if key not in ("begun", "reports")}
    assert kept == {key: whole[key] for key in kept}
    assert resumed["reports"] == whole["reports"][-len(resumed["reports"]) :]


def test_a_search_ends_with_a_derived_network_and_scores(searching, store):
    trial = searching.Parity()
    line = searching.Lined(searching.Mixing, trial)
    attempt, watching = searching.searched(trial, line, store=store, score=3)
    outcome = attempt.outcome
    assert outcome.status is OutcomeStatus.COMPLETED
    assert [step for step, _ in watching.reports] == [1, 2, 3, 4]
    assert watching.reports[0][1].keys() == {"loss", "search loss"}
    assert outcome.batches == 20
    assert "accuracy" in outcome.metrics
    assert len(outcome.derived) == 1
    assert len({scored.architecture for scored in outcome.scored}) == 3
    assert all("accuracy" in scored.metrics for scored in outcome.scored)
    facts = line.exchanges[0].facts
    assert facts["batches_per_epoch"] == 5
    assert facts["costs"]["first", "wide", "parameters"] == 72
    assert facts["costs"]["first", "wide", "macs"] == 64
    assert outcome.costs == facts["costs"]
    assert facts["unmixable"] == {}
    supernet = nas.build(trial.build, None)
    nas.load_weights(attempt.checkpoint, store, into=supernet)


def test_the_same_seed_gives_the_same_search(searching, tmp_path):
    trial = searching.Parity()
    outcomes = [searching.searched(trial, searching.Lined(searching.Drawing, trial))[0].outcome for _ in range(2)]
    assert outcomes[0].metrics == outcomes[1].metrics
    assert outcomes[0].derived == outcomes[1].derived


def test_samples_are_asked_for_ahead_and_mixtures_step_by_step(searching):
    trial = searching.Parity()
    drawing, mixing = (searching.Lined(each, trial) for each in (searching.Drawing, searching.Mixing))
    for line in (drawing, mixing):
        searching.searched(trial, line)
    assert len(drawing.exchanges[0].wants) == 3  # 20 samples, 16 at a time, and the end
    assert len(mixing.exchanges[0].wants) == 21  # 40 samples in pairs, and the end


def test_a_search_is_saved_as_one_checkpoint_and_released_when_it_was_taken(searching, tmp_path):
    folder = tmp_path / "experiment"
    trial = searching.Parity()
    opened = DirectoryStore(folder / "weights")
    attempt, _ = searching.searched(
        trial, searching.Lined(searching.Mixing, trial), store=opened, experiment=EXPERIMENT
    )
    assert opened.reference(EXPERIMENT, SAVED).checkpoint in opened.list()
    # The states before were given up; what is left is this one, and the weights.
    assert len(opened.list()) == 2
    assert {each.experiment for each in opened.checkpoints().checkpoints} == {EXPERIMENT}
    opened.close()
    settle_search(folder, searching.lease_of(), experiment=EXPERIMENT)
    opened = DirectoryStore(folder / "weights")
    with pytest.raises(NotFoundError):
        opened.reference(EXPERIMENT, SAVED)
    assert opened.list() == (attempt.checkpoint,)
    opened.close()


def ended_at(searching, number, store, experiment):
    """Searches until a worker is told to end, and what is saved stays."""
    trial, watching = searching.Parity(), searching.Watching()

    def on_sample(sample):
        if sample == number:
            watching.wished = Wish.END

    line = searching.Lined(searching.Mixing, trial, on_sample=on_sample)
    with pytest.raises(Ended):
        searching.searched(trial, line, store=store, watching=watching, experiment=experiment)


def test_a_search_that_an_older_version_saved_without_an_experiment_goes_on(searching, store):
    trial = searching.Parity()
    whole, _ = searching.searched(trial, searching.Lined(searching.Mixing, trial))
    ended_at(searching, 23, store, OWN)
    assert [each.name for each in store.references(OWN)] == [SAVED]
    line = searching.Lined(searching.Mixing, trial)
    attempt, _ = searching.searched(trial, line, store=store, experiment=EXPERIMENT, epoch=2)
    assert line.exchanges[0].facts["next_sample"] > 0
    assert attempt.outcome.metrics == whole.outcome.metrics
    assert [each.name for each in store.references(EXPERIMENT)] == [SAVED]
    # The old state was given up when the first new one was saved.
    assert not store.references(OWN)
    assert {each.experiment for each in store.checkpoints().checkpoints} == {EXPERIMENT}


def test_a_state_of_the_experiment_counts_more_than_one_of_none(searching, store):
    for number, experiment in ((13, EXPERIMENT), (33, OWN)):
        ended_at(searching, number, store, experiment)
    trial = searching.Parity()
    line = searching.Lined(searching.Mixing, trial)
    searching.searched(trial, line, store=store, experiment=EXPERIMENT, epoch=2)
    assert 0 < line.exchanges[0].facts["next_sample"] < 20


def test_a_search_that_ended_leaves_no_state_of_an_older_version(searching, tmp_path):
    folder = tmp_path / "experiment"
    opened = DirectoryStore(folder / "weights")
    ended_at(searching, 13, opened, OWN)
    opened.close()
    settle_search(folder, searching.lease_of(epoch=2), experiment=EXPERIMENT)
    opened = DirectoryStore(folder / "weights")
    assert opened.list() == ()
    opened.close()


def test_the_first_lease_of_a_trial_leaves_alone_what_another_experiment_has_saved(searching, tmp_path):
    folder = tmp_path / "experiment"
    opened = DirectoryStore(folder / "weights")
    ended_at(searching, 13, opened, OWN)
    trial = searching.Parity()
    line = searching.Lined(searching.Mixing, trial)
    searching.searched(trial, line, store=opened, experiment=EXPERIMENT)
    assert line.exchanges[0].facts["next_sample"] == 0
    opened.close()
    settle_search(folder, searching.lease_of(), experiment=EXPERIMENT)
    opened = DirectoryStore(folder / "weights")
    assert opened.reference(OWN, SAVED).checkpoint in opened.list()
    opened.close()


def test_a_lost_exchange_begins_again_from_what_was_saved(searching, store):
    trial = searching.Parity()
    whole, _ = searching.searched(trial, searching.Lined(searching.Mixing, trial))
    lost = []

    def on_sample(number):
        if number == 23 and not lost:
            lost.append(number)
            raise UnavailableError("The server is away.")

    line = searching.Lined(searching.Mixing, trial, on_sample=on_sample)
    attempt, _ = searching.searched(trial, line, store=store)
    assert [exchange.facts["next_sample"] for exchange in line.exchanges] == [0, 22]
    assert attempt.outcome.metrics == whole.outcome.metrics


def test_without_a_store_a_lost_exchange_begins_anew(searching):
    trial = searching.Parity()
    lost = []

    def on_sample(number):
        if number == 23 and not lost:
            lost.append(number)
            raise UnavailableError("The server is away.")

    line = searching.Lined(searching.Mixing, trial, on_sample=on_sample)
    watching = searching.Watching()
    attempt, _ = searching.searched(trial, line, watching=watching)
    assert [exchange.facts["next_sample"] for exchange in line.exchanges] == [0, 0]
    assert attempt.outcome.status is OutcomeStatus.COMPLETED
    # What was reported before is not reported again, which the server would refuse.
    steps = [step for step, _ in watching.reports]
    assert steps == list(range(1, len(steps) + 1))


def test_damage_to_what_was_saved_is_told_and_the_search_begins_anew(searching, store, capsys):
    trial = searching.Parity()
    whole, _ = searching.searched(trial, searching.Lined(searching.Mixing, trial), store=store)
    for file in [*(store.folder / "packs").rglob("*"), *(store.folder / "blobs").rglob("*")]:
        if file.is_file():
            file.chmod(0o600)
            content = bytearray(file.read_bytes())
            content[-1] ^= 1
            file.write_bytes(content)
    line = searching.Lined(searching.Mixing, trial)
    attempt, _ = searching.searched(trial, line, store=store)
    assert line.exchanges[0].facts["next_sample"] == 0
    assert "cannot be read, so it begins anew" in capsys.readouterr().out
    assert attempt.outcome.metrics == whole.outcome.metrics


def test_samples_that_are_not_finite_are_told_as_such_and_end_the_search_when_none_succeeds(searching):
    trial = searching.Parity()
    trial.fails_from = 4
    trial.search_options = searching.SearchOptions(ahead=4)
    line = searching.Lined(searching.Drawing, trial)
    attempt, _ = searching.searched(trial, line)
    told = [outcome.status for _, outcome in line.exchanges[0].told]
    assert OutcomeStatus.COMPLETED in told
    assert OutcomeStatus.NON_FINITE in told
    assert attempt.outcome.status is OutcomeStatus.NON_FINITE
    assert attempt.outcome.failure.kind is FailureKind.NON_FINITE
    assert f"{MAX_FAILED} samples in a row failed" in attempt.outcome.failure.message


def test_out_of_memory_and_exceptions_are_outcomes_with_their_reason(searching):
    trial = searching.Parity()
    errors = iter([MemoryError(), RuntimeError("shapes do not fit")])

    def failing(model, batch):
        if torch.is_grad_enabled() and (error := next(errors, None)) is not None:
            raise error
        return nas.Trial.training_step(trial, model, batch)

    trial.training_step = failing
    line = searching.Lined(searching.Drawing, trial)
    attempt, _ = searching.searched(trial, line)
    kinds = [outcome.failure.kind for _, outcome in line.exchanges[0].told if outcome.failure]
    assert sorted(kinds) == [FailureKind.EXCEPTION, FailureKind.OUT_OF_MEMORY]
    assert attempt.outcome.status is OutcomeStatus.COMPLETED


def test_a_sample_of_another_task_ends_the_search_with_a_sentence(searching):
    class Evaluating(searching.Drawing):
        def ask(self, number, seed):
            return Proposal(number, self.space.default(), task=Task.EVALUATE)

    trial = searching.Parity()
    attempt, _ = searching.searched(trial, searching.Lined(Evaluating, trial))
    assert attempt.outcome.status is OutcomeStatus.FAILED
    assert "evaluate" in attempt.outcome.failure.message


def test_a_stop_ends_the_search(searching):
    class Stopping(searching.Watching):
        def report(self, step, metrics):
            raise Stopped("The tuner stopped this trial after a report.")

    trial = searching.Parity()
    attempt, _ = searching.searched(trial, searching.Lined(searching.Mixing, trial), watching=Stopping())
    assert attempt.outcome.status is OutcomeStatus.PRUNED


def test_a_worker_that_ends_saves_the_search_and_another_goes_on(searching, store):
    trial = searching.Parity()
    trial.search_options = searching.SearchOptions(save_every_s=1e9, save_rest_s=1e9)
    whole, _ = searching.searched(trial, searching.Lined(searching.Mixing, trial))
    watching = searching.Watching()

    def on_sample(number):
        if number == 13:
            watching.wished = Wish.END

    with pytest.raises(Ended):
        searching.searched(
            trial, searching.Lined(searching.Mixing, trial, on_sample=on_sample), store=store, watching=watching
        )
    assert watching.saves == 1
    line = searching.Lined(searching.Mixing, trial)
    attempt, _ = searching.searched(trial, line, store=store)
    assert line.exchanges[0].facts["next_sample"] in (14, 16)
    assert attempt.outcome.metrics == whole.outcome.metrics


def test_a_checkpoint_on_request_is_saved_and_the_search_goes_on(searching, store):
    trial = searching.Parity()
    trial.search_options = searching.SearchOptions(save_every_s=1e9, save_rest_s=1e9)
    watching = searching.Watching()

    def on_sample(number):
        if number == 13:
            watching.wished = Wish.SAVE

    line = searching.Lined(searching.Mixing, trial, on_sample=on_sample)
    attempt, _ = searching.searched(trial, line, store=store, watching=watching)
    assert watching.saves == 1
    assert attempt.outcome.status is OutcomeStatus.COMPLETED


def test_a_search_leaves_no_threads_behind(searching):
    trial = searching.Parity()
    before = set(threading.enumerate())
    searching.searched(trial, searching.Lined(searching.Mixing, trial))
    assert set(threading.enumerate()) <= before
    assert torch.is_grad_enabled()


class Alone:
    """Weights that are shared with nobody; counts the steps."""

    def __init__(self):
        self.steps = 0

    def step(self):
        self.steps += 1


def test_members_of_one_supernet_take_one_sample_at_a_time_and_count_shared_epochs(searching):
    trial = searching.Parity()
    line = searching.Lined(searching.Drawing, trial, epochs=6, warmup=0)
    alone, watching = Alone(), searching.Watching()
    line.shared = lambda network, table, *, every: nullcontext(alone)
    searching.searched(trial, line, watching=watching, members=2)
    wants = line.exchanges[0].wants
    assert set(wants) - {0} == {1}  # more would leave nothing of a turn to the others
    # This one did the work of both: 6 epochs of 5 batches, each half of which were expected of it.
    assert alone.steps == 30
    assert [step for step, _ in watching.reports] == list(range(1, 13))


def test_member_that_begins_again_leaves_the_next_number_to_the_server(searching, store):
    trial = searching.Parity()
    lost = []

    def on_sample(number):
        if number == 23 and not lost:
            lost.append(number)
            raise UnavailableError("The server is away.")

    line = searching.Lined(searching.Drawing, trial, epochs=6, warmup=0, on_sample=on_sample)
    line.shared = lambda network, table, *, every: nullcontext(Alone())
    searching.searched(trial, line, store=store, members=2)
    again = line.exchanges[1].facts
    # The others have taken samples since this one's last.
    assert again["snapshot"] is not None
    assert again["next_sample"] == 0


def test_schedule_of_learning_rates_does_not_go_beyond_that_of_the_search(searching, monkeypatch):
    trial = searching.Parity()
    ended = []

    def end_epoch(executor):
        ended.append(executor)

    monkeypatch.setattr(Executor, "end_epoch", end_epoch)
    line = searching.Lined(searching.Drawing, trial, epochs=6, warmup=0)
    line.shared = lambda network, table, *, every: nullcontext(Alone())
    searching.searched(trial, line, members=2)
    assert len(ended) == 6
