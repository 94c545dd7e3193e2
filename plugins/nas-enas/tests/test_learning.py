"""The update climbs the expected reward: exactly, by enumeration; and known defects are seen."""

import math

import numpy as np
import pytest
from nas_enas import learning
from nas_enas.adam import Adam
from nas_enas.controller import Controller
from nas_enas.laws import sigmoid
from nas_enas.learning import Aims, Learner, Sample
from nas_enas.logits import Logits
from nas_enas.lstm import Shape
from nas_enas.policy import walk
from nas_enas.questions import Inquiry
from nascore.space import Candidate, OneOf, Repeat, SearchSpace, SomeOf

SPACE = SearchSpace(
    (
        OneOf("a", (Candidate("x", children=(OneOf("inner", tuple(map(Candidate, "pq"))),)), Candidate("y"))),
        SomeOf("s", tuple(map(Candidate, "012")), 0, 2),
        Repeat("r", (OneOf("body", tuple(map(Candidate, "uv"))),), 1, 2),
    )
)
ALL = tuple(SPACE.enumerate())


def reward(architecture):
    return int(architecture.fingerprint[:6], 16) % 1000 / 1000


def policies():
    inquiry = Inquiry(SPACE)
    logits = Logits(inquiry)
    generator = np.random.Generator(np.random.PCG64(1))
    for name in logits.parameters:
        logits.parameters[name] += generator.normal(size=logits.parameters[name].shape)
    yield logits, inquiry
    yield Controller(inquiry, Shape(4, 1.5, span=0.7), generator), inquiry


@pytest.fixture(params=["logits", "controller"])
def learner(request):
    policy, inquiry = list(policies())[request.param == "controller"]
    return Learner(policy, inquiry, Adam(0.01), Aims())


def log_prob(learner, architecture):
    return walk(learner.policy, learner.inquiry, [architecture]).log_prob[0]


def expected_reward(learner):
    return np.exp(walk(learner.policy, learner.inquiry, ALL).log_prob) @ [reward(each) for each in ALL]


def expected_gradient(learner, baseline=0.0):
    """The expectation of what an update climbs, over all architectures."""
    total = {}
    for each in ALL:
        known = log_prob(learner, each)
        part = learner.gradient([Sample(each, 0.0, known)], [reward(each) - baseline])
        for name, slope in part.items():
            total[name] = total.get(name, 0.0) + math.exp(known) * slope
    return total


def exact(learner, name, place, step=1e-5):
    value = learner.policy.parameters[name]
    kept, found = value[place], []
    for moved in (kept + step, kept - step):
        value[place] = moved
        found.append(expected_reward(learner))
    value[place] = kept
    return (found[0] - found[1]) / (2 * step)


def places(learner):
    for name, value in learner.policy.parameters.items():
        yield name, tuple(size // 2 for size in value.shape)


def test_the_expected_update_is_the_gradient_of_the_expected_reward(learner):
    gradient = expected_gradient(learner)
    for name, place in places(learner):
        assert gradient[name][place] == pytest.approx(exact(learner, name, place), abs=1e-7)


def test_a_baseline_changes_no_expectation(learner):
    plain, moved = expected_gradient(learner), expected_gradient(learner, baseline=17.0)
    for name in plain:
        assert moved[name] == pytest.approx(plain[name], abs=1e-11)


def test_the_baseline_of_the_first_update_does_not_see_the_sample_itself(learner):
    samples = [Sample(ALL[0], 1.0, -1.0), Sample(ALL[1], 0.0, -1.0), Sample(ALL[2], 0.5, -1.0)]
    assert learner._advantages([sample.reward for sample in samples]) == [0.75, -0.75, 0.0]


def test_the_first_update_of_a_single_sample_has_a_signal(learner):
    before = {name: value.copy() for name, value in learner.policy.parameters.items()}
    learner.update([Sample(ALL[3], 0.9, log_prob(learner, ALL[3]))])
    assert any(not np.array_equal(before[name], value) for name, value in learner.policy.parameters.items())


def test_the_first_pass_of_ppo_is_reinforce(learner):
    together = walk(learner.policy, learner.inquiry, ALL[:5]).log_prob
    samples = [Sample(each, 0.0, known) for each, known in zip(ALL[:5], together, strict=True)]
    advantages = [0.3, -0.2, 0.9, 0.0, -1.0]
    plain = learner.gradient(samples, advantages)
    learner.aims = Aims(clip=0.2)
    clipped = learner.gradient(samples, advantages)
    assert all(np.array_equal(plain[name], clipped[name]) for name in plain)


@pytest.mark.parametrize(
    ("log_ratio", "advantage", "weight"),
    [
        (0.5, 1.0, 0.0),
        (-0.5, -1.0, 0.0),
        (0.5, -1.0, math.exp(0.5)),
        (-0.5, 1.0, math.exp(-0.5)),
        (0.1, 1.0, math.exp(0.1)),
    ],
)
def test_the_clipped_side_has_no_gradient(learner, log_ratio, advantage, weight):
    learner.aims = Aims(clip=0.2)
    assert learner._weight(log_ratio, advantage) == pytest.approx(weight)


def test_the_skip_penalty_pulls_the_probabilities_that_are_drawn_from():
    policy, inquiry = next(policies())
    learner = Learner(policy, inquiry, Adam(0.05, epsilon=1e-8), Aims(skip_weight=0.8, skip_target=0.4))
    for _ in range(400):
        learner.update([Sample(ALL[0], 0.0, log_prob(learner, ALL[0]))])
    assert sigmoid(policy.parameters["s"]) == pytest.approx([0.4] * 3, abs=0.02)


def test_a_defect_in_the_gradient_is_seen(monkeypatch):
    """Drawn actions forgotten in the slope: the classic sign or term that is lost."""
    policy, inquiry = next(policies())
    learner = Learner(policy, inquiry, Adam(0.01), Aims())
    walked = learning.walk

    def forgetful(*arguments):
        passed = walked(*arguments)
        for judged in passed.judged:
            judged.log_prob_slope[...] = judged.log_prob_slope.clip(max=0.0)
        return passed

    monkeypatch.setattr(learning, "walk", forgetful)
    gradient = expected_gradient(learner)
    assert any(abs(gradient[name][place] - exact(learner, name, place)) > 1e-3 for name, place in places(learner))


def first_step(learner):
    """How far the first update of equally probable samples of different worth moves the policy."""
    before = {name: value.copy() for name, value in learner.policy.parameters.items()}
    learner.update([Sample(ALL[3], 0.9, log_prob(learner, ALL[3]))])
    return max(float(np.abs(value - before[name]).max()) for name, value in learner.policy.parameters.items())


def test_a_first_baseline_that_is_the_sample_itself_is_seen(learner, monkeypatch):
    """As in AutoDL-Projects and ModularNAS: the first baseline is the mean of the very rewards it is taken from."""
    assert first_step(learner) > 0

    def itself(self, rewards):
        self.baseline = sum(rewards) / len(rewards) if self.baseline is None else self.baseline
        return [reward - self.baseline for reward in rewards]

    monkeypatch.setattr(Learner, "_advantages", itself)
    learner.baseline = None
    assert first_step(learner) == 0
