"""Laws are probabilities: they sum to one, scores of 0 are uniform, and slopes are the slopes."""

import math
from itertools import combinations, combinations_with_replacement, permutations, product
from random import Random

import numpy as np
import pytest
from nas_enas.laws import Choice, Law, One, Sequence, Subset

LAWS: dict[str, tuple[Law, list[Choice]]] = {
    "one": (One(4), [(index,) for index in range(4)]),
    "any set": (Subset(3, 0, 3), [each for count in range(4) for each in combinations(range(3), count)]),
    "two of four": (Subset(4, 2, 2), list(combinations(range(4), 2))),
    "one to three of four": (Subset(4, 1, 3), [each for count in (1, 2, 3) for each in combinations(range(4), count)]),
    "ordered pairs": (Sequence(4, 2, with_replacement=False), list(permutations(range(4), 2))),
    "ordered with replacement": (Sequence(3, 2, with_replacement=True), list(product(range(3), repeat=2))),
    "multisets": (
        Sequence(3, 2, with_replacement=True, is_sorted=True),
        list(combinations_with_replacement(range(3), 2)),
    ),
}
SCORES = np.array([0.7, -1.2, 0.3, 2.1])
law = pytest.mark.parametrize("name", LAWS)


def log_prob(law, scores, choice):
    return law.judge(scores[None], [choice]).log_prob[0]


def drawn_shares(law, scores):
    """The probability that each of many draws says that it has, by what was drawn."""
    dice, random = law.dice(scores), Random(1)
    return dict(dice(random) for _ in range(200))


@law
def test_probabilities_sum_to_one(name):
    law, choices = LAWS[name]
    scores = SCORES[: law.size]
    assert sum(np.exp(log_prob(law, scores, choice)) for choice in choices) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("name", ["one", "any set", "two of four", "one to three of four", "ordered pairs"])
def test_scores_of_zero_are_uniform(name):
    law, choices = LAWS[name]
    shares = [np.exp(log_prob(law, np.zeros(law.size), choice)) for choice in choices]
    assert shares == pytest.approx([1 / len(choices)] * len(choices), abs=1e-12)


@law
def test_the_slope_of_the_log_probability_is_its_slope(name):
    law, choices = LAWS[name]
    scores = SCORES[: law.size]
    for choice in choices:
        slope = [_difference(lambda moved, c=choice: log_prob(law, moved, c), scores, i) for i in range(law.size)]
        assert law.judge(scores[None], [choice]).log_prob_slope[0] == pytest.approx(slope, abs=1e-6)


@law
def test_the_entropy_and_its_slope_are_those_of_the_law(name):
    law, choices = LAWS[name]
    scores = SCORES[: law.size]

    def entropy(moved):
        logs = [log_prob(law, moved, choice) for choice in choices]
        return -sum(np.exp(each) * each for each in logs)

    judged = law.judge(np.stack([scores] * len(choices)), choices)
    shares = np.exp(judged.log_prob)
    assert shares @ judged.entropy == pytest.approx(entropy(scores))
    # The gradient of an expectation: that of the value along the way, and of the way itself.
    slope = shares @ (judged.entropy_slope + judged.entropy[:, None] * judged.log_prob_slope)
    assert slope == pytest.approx([_difference(entropy, scores, i) for i in range(law.size)], abs=1e-6)


@law
def test_draws_follow_the_probabilities(name):
    law, choices = LAWS[name]
    scores, random, count = SCORES[: law.size], Random(0), 4000
    seen, dice = dict.fromkeys(choices, 0), law.dice(scores)
    for _ in range(count):
        seen[dice(random)[0]] += 1
    expected = np.array([np.exp(log_prob(law, scores, choice)) for choice in choices]) * count
    chi_square = float(((np.array(list(seen.values())) - expected) ** 2 / expected).sum())
    assert chi_square < len(choices) + 5 * np.sqrt(2 * len(choices))


@law
def test_a_draw_knows_its_probability(name):
    law, _ = LAWS[name]
    scores = SCORES[: law.size]
    found = drawn_shares(law, scores)
    assert len(found) > 1
    assert list(found.values()) == pytest.approx([log_prob(law, scores, choice) for choice in found], abs=1e-12)


@law
def test_choices_are_judged_together_as_each_alone(name):
    law, choices = LAWS[name]
    scores = np.random.Generator(np.random.PCG64(0)).normal(size=(len(choices), law.size))
    together = law.judge(scores, choices)
    for row, choice in enumerate(choices):
        alone = law.judge(scores[row : row + 1], [choice])
        for what in ("log_prob", "entropy", "log_prob_slope", "entropy_slope"):
            assert getattr(together, what)[row] == pytest.approx(getattr(alone, what)[0], abs=1e-14)


@law
def test_the_best_choice_is_among_the_choices(name):
    law, choices = LAWS[name]
    assert law.best(SCORES[: law.size]) in choices


def test_extreme_scores_leave_numbers_finite():
    judged = Subset(3, 0, 3).judge(np.array([[800.0, -800.0, 0.0]]), [(0,)])
    assert np.isfinite(judged.log_prob).all()
    assert np.isfinite(judged.entropy_slope).all()
    assert log_prob(One(2), np.array([1e4, -1e4]), (0,)) == pytest.approx(0)


def test_large_sets_are_drawn_and_judged():
    law = Subset(300, 100, 200)
    choice, share = law.dice(np.zeros(300))(Random(0))
    assert 100 <= len(choice) <= 200
    assert share == pytest.approx(-math.log(sum(math.comb(300, count) for count in range(100, 201))), abs=1e-9)


def _difference(function, scores, index, step=1e-6):
    ahead, back = scores.copy(), scores.copy()
    ahead[index] += step
    back[index] -= step
    return (function(ahead) - function(back)) / (2 * step)
