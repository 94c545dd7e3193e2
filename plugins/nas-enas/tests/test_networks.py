"""Through a real supernet and the worker's own loop: the planted path, and the last choice on the same examples."""

import pytest
import torch
from nas_enas import Reinforce
from nas_trial.judging import PlantedTrial, judge_trial
from nas_trial.oneshot.work import SampleWork
from nascore.tuner import Schedule


@pytest.fixture(autouse=True)
def one_thread():
    """Sums come out alike, and nobody else's core is taken."""
    torch.set_num_threads(1)


class Watched(PlantedTrial):
    """Notes the inputs of every batch that a network is judged on."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.judged = []

    def validation_step(self, model, batch):
        self.judged.append(batch[0])
        return super().validation_step(model, batch)


def judged_at_the_end():
    """Digests of the examples on which each of the last five networks was scored, and how many there were."""
    trial = Watched(1, layers=2, maps=2)
    settings = {"samples": 1, "updates": 1, "train_batches": 20, "derive_samples": 5, "learning_rate": 0.1}
    judge_trial(Reinforce, trial, settings=settings, schedule=Schedule(1))
    # The worker measures costs on all validation data, scores one network to learn from, and judges the result last.
    scored = [inputs for inputs in trial.judged if len(inputs) == 32]
    choice = scored[1 : 1 + 5 * 20]
    return [torch.cat(choice[start : start + 20]).sort(dim=0).values for start in range(0, 100, 20)]


def all_alike(examples):
    return all(torch.equal(each, examples[0]) for each in examples)


def test_final_networks_are_scored_on_the_whole_search_split():
    examples = judged_at_the_end()
    assert {len(each) for each in examples} == {640}
    assert len(examples[0].unique(dim=0)) == 640
    assert all_alike(examples)


def test_final_networks_scored_on_different_batches_are_seen(monkeypatch):
    """As in AutoDL-Projects: each on the next mini-batches."""

    def next_batches(self, sample, count):
        # Out of step with the epochs, as a stream is that has served other samples before.
        return self._search.take(count)

    monkeypatch.setattr(SampleWork, "_scored_on", next_batches)
    assert not all_alike(judged_at_the_end())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_planted_path_is_found_through_the_executor():
    settings = {"samples": 10, "updates": 2, "learning_rate": 0.1}
    found = [judge_trial(Reinforce, PlantedTrial(seed), seed=seed, settings=settings) for seed in range(2)]
    assert [verdict.distance for verdict in found] == [0, 0]
