"""Laws are probabilities: they sum to one, scores of 0 are uniform, and slopes are the slopes."""

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


@law
def test_probabilities_sum_to_one(name):
    law, choices = LAWS[name]
    scores = SCORES[: law.size]
    assert sum(np.exp(law.judge(scores, choice).log_prob) for choice in choices) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("name", ["one", "any set", "two of four", "one to three of four", "ordered pairs"])
def test_scores_of_zero_are_uniform(name):
    law, choices = LAWS[name]
    shares = [np.exp(law.judge(np.zeros(law.size), choice).log_prob) for choice in choices]
    assert shares == pytest.approx([1 / len(choices)] * len(choices), abs=1e-12)


@law
def test_the_slope_of_the_log_probability_is_its_slope(name):
    law, choices = LAWS[name]
    scores = SCORES[: law.size]
    for choice in choices:
        slope = [_difference(lambda moved, c=choice: law.judge(moved, c).log_prob, scores, i) for i in range(law.size)]
        assert law.judge(scores, choice).log_prob_slope == pytest.approx(slope, abs=1e-6)


@law
def test_the_entropy_and_its_slope_are_those_of_the_law(name):
    law, choices = LAWS[name]
    scores = SCORES[: law.size]

    def entropy(moved):
        logs = [law.judge(moved, choice).log_prob for choice in choices]
        return -sum(np.exp(each) * each for each in logs)

    judged = [law.judge(scores, choice) for choice in choices]
    shares = [np.exp(each.log_prob) for each in judged]
    assert sum(share * each.entropy for share, each in zip(shares, judged, strict=True)) == pytest.approx(
        entropy(scores)
    )
    # The gradient of an expectation: that of the value along the way, and of the way itself.
    slope = sum(
        share * (each.entropy_slope + each.entropy * each.log_prob_slope)
        for share, each in zip(shares, judged, strict=True)
    )
    assert slope == pytest.approx([_difference(entropy, scores, i) for i in range(law.size)], abs=1e-6)


@law
def test_draws_follow_the_probabilities(name):
    law, choices = LAWS[name]
    scores, random, count = SCORES[: law.size], Random(0), 4000
    seen = dict.fromkeys(choices, 0)
    for _ in range(count):
        seen[law.draw(scores, random)] += 1
    expected = np.array([np.exp(law.judge(scores, choice).log_prob) for choice in choices]) * count
    chi_square = float(((np.array(list(seen.values())) - expected) ** 2 / expected).sum())
    assert chi_square < len(choices) + 5 * np.sqrt(2 * len(choices))


@law
def test_the_best_choice_is_among_the_choices(name):
    law, choices = LAWS[name]
    assert law.best(SCORES[: law.size]) in choices


def test_extreme_scores_leave_numbers_finite():
    judged = Subset(3, 0, 3).judge(np.array([800.0, -800.0, 0.0]), (0,))
    assert np.isfinite(judged.log_prob)
    assert np.isfinite(judged.entropy_slope).all()
    assert One(2).judge(np.array([1e4, -1e4]), (0,)).log_prob == pytest.approx(0)


def _difference(function, scores, index, step=1e-6):
    ahead, back = scores.copy(), scores.copy()
    ahead[index] += step
    back[index] -= step
    return (function(ahead) - function(back)) / (2 * step)
