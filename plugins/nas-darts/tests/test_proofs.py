"""Every gradient is what its paper says it is, and each known bug, planted, makes its proof fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

import nas_darts.proxyless
import numpy as np
import pytest
from nas_darts import Darts, DirectGrad, DrNas, Gdas, Proxyless, Snas
from nas_darts.chance import Chance
from nas_darts.discretise import Discretisation
from nas_darts.layout import Layout, Row
from nas_darts.mixture_tuner import MixtureTuner
from nas_darts.segments import Segments
from nascore.record import JsonValue, Objective
from nascore.space import Candidate, OneOf, SearchSpace, SomeOf
from nascore.testing.judging import PlantedPath
from nascore.tuner import Mode, Schedule, Setup, validate

# Layers of one, two and five candidates; their entries lie in this order.
SPACE = SearchSpace(tuple(OneOf(f"op{size}", tuple(Candidate(f"c{k}") for k in range(size))) for size in (1, 2, 5)))
LOSSES = np.array([1.0, -0.5, 2.0, 0.3, -1.2, 0.7, -0.4, 5.0])


def tuner(tuner_type: type[MixtureTuner], space: SearchSpace = SPACE, **settings: JsonValue) -> MixtureTuner:
    setup = Setup(
        space, (Objective("accuracy"),), 3, batches_per_epoch=10, mode=Mode.ONE_SHOT, schedule=Schedule(10), workers=1
    )
    return tuner_type(setup, validate(tuner_type.settings_type, {"initial_scale": 0.7, **settings}))


def exact(made: MixtureTuner, losses: np.ndarray = LOSSES) -> np.ndarray:
    """The gradient of the expected loss of a sampled path, where the loss is linear in the weights."""
    segments: Segments = made._layout.mixed
    shares = segments.softmax(made._alpha)
    return shares * (losses - np.add.reduceat(shares * losses, segments.starts)[segments.owner])


def samples(made: MixtureTuner, count: int) -> Iterator[np.ndarray]:
    for seed in range(count):
        draw = made._drawn(Chance(seed), 0)
        graded = np.ones(len(LOSSES), dtype=bool) if draw.graded is None else draw.graded
        yield made._backward(draw, np.where(graded, LOSSES, 0.0))


def assert_unbiased(found: list[np.ndarray], expected: np.ndarray) -> None:
    error = np.std(found, axis=0) / np.sqrt(len(found))
    assert np.all(np.abs(np.mean(found, axis=0) - expected) < 4.5 * error + 1e-9)
    assert np.max(error) < 0.1 * np.max(np.abs(expected)), "too few samples to say"


def prove_full_gates() -> None:
    made = tuner(Proxyless)
    for found in samples(made, 20):
        np.testing.assert_allclose(found, exact(made), atol=1e-15)


def prove_straight_through() -> None:
    made = tuner(DirectGrad)
    for found in samples(made, 20):
        np.testing.assert_allclose(found, exact(made), atol=1e-15)


def prove_two_path() -> None:
    made = tuner(Proxyless, paths="two-path")
    shares = made._layout.mixed.softmax(made._alpha)
    expected = np.zeros(8)
    for start, size in ((1, 2), (3, 5)):
        for i, j in combinations(range(start, start + size), 2):
            chance = shares[i] * shares[j] * (1 / (1 - shares[i]) + 1 / (1 - shares[j]))
            q = shares[i] / (shares[i] + shares[j])
            expected[i] += chance * q * (1 - q) * (LOSSES[i] - LOSSES[j])
            expected[j] -= chance * q * (1 - q) * (LOSSES[i] - LOSSES[j])
    assert_unbiased(list(samples(made, 4000)), expected)
    # Two candidates are all there are, so the pair's gradient is that of all.
    np.testing.assert_allclose(expected[1:3], exact(made)[1:3], atol=1e-15)


def prove_pair_keeps_its_mass() -> None:
    made = tuner(Proxyless, paths="two-path", learning_rate=0.1)
    for seed in range(20):
        draw = made._drawn(Chance(seed), 0)
        before = made._probabilities()
        is_pair = draw.graded
        made._alpha = made._stepped(made._backward(draw, np.where(is_pair, LOSSES, 0.0)))
        after = made._probabilities()
        assert is_pair.sum() == 2 + 2 + 1
        np.testing.assert_allclose(after[~is_pair], before[~is_pair], atol=1e-14)
        assert not np.allclose(after[is_pair], before[is_pair], atol=1e-4)


def prove_gates_run_one_path() -> None:
    for tuner_type in (Gdas, Proxyless, DirectGrad):
        made = tuner(tuner_type)
        counts = np.zeros(8)
        for seed in range(3000):
            weights = made._drawn(Chance(seed), 0).weights
            assert sorted(weights.tolist()) == [0.0] * 5 + [1.0] * 3
            counts += weights
        np.testing.assert_allclose(counts / 3000, made._probabilities(), atol=0.035)


def prove_gdas() -> None:
    # Of the two candidates between which a draw is torn only the one that ran is graded: half of the exact gradient.
    made = tuner(Gdas, first_temperature=0.1, last_temperature=0.1)
    assert_unbiased(list(samples(made, 30_000)), 0.5 * exact(made))


def prove_snas() -> None:
    made = tuner(Snas, first_temperature=0.1, last_temperature=0.1)
    assert_unbiased(list(samples(made, 20_000)), exact(made))


def prove_dirichlet() -> None:
    made = tuner(DrNas)
    concentration = made._concentration()
    total = np.add.reduceat(concentration, made._layout.mixed.starts)[made._layout.mixed.owner]
    np.testing.assert_allclose(made._probabilities(), concentration / total)
    means = concentration / total
    centred = LOSSES - np.add.reduceat(means * LOSSES, made._layout.mixed.starts)[made._layout.mixed.owner]
    slope = np.where(made._alpha > 0, 1.0, np.exp(made._alpha))
    assert_unbiased(list(samples(made, 15_000)), centred / total * slope)


def prove_pathwise(tuner_type: type[MixtureTuner], **settings: JsonValue) -> None:
    """With the noise held fixed, the gradient through a network is the derivative of its loss."""
    task = PlantedPath(1)
    made = tuner(tuner_type, task.space, **settings)
    inputs = np.random.default_rng(0).standard_normal((32, 8))
    alpha = made._alpha.copy()

    def loss_at(values: np.ndarray) -> float:
        made._alpha = values
        weights = made._drawn(Chance(5), 0).weights
        return task.loss_and_gradient(weights.reshape(6, 5), inputs)[0]

    steps = 1e-6 * np.eye(len(alpha))
    derivative = [(loss_at(alpha + step) - loss_at(alpha - step)) / 2e-6 for step in steps]
    made._alpha = alpha
    draw = made._drawn(Chance(5), 0)
    gradient = task.loss_and_gradient(draw.weights.reshape(6, 5), inputs)[1].ravel()
    np.testing.assert_allclose(made._backward(draw, gradient), derivative, atol=1e-7)


def prove_darts() -> None:
    prove_pathwise(Darts)


def prove_snas_through_a_network() -> None:
    prove_pathwise(Snas)


def _cell() -> SearchSpace:
    operations = (Candidate("none", search_only=True), Candidate("skip"), Candidate("conv"))
    edges = tuple(Candidate(f"from{k}", children=(OneOf(f"op{k}", operations),)) for k in range(3))
    return SearchSpace((SomeOf("node", edges, 2, 2),))


def prove_edges_are_ranked_by_probability() -> None:
    # from0 has the largest raw parameter, but "none" leaves it little; the three sums differ, as raw ones may.
    made = tuner(Darts, _cell())
    made._alpha = np.array([9.0, 6.0, 0.0, 0.0, 1.0, 4.0, 0.0, 3.0, 1.0])
    (best,) = made.derive(1)
    assert best.architecture["node"] == ("from1", "from2")
    assert best.architecture["node/from1/op1"] == "conv"
    assert best.architecture["node/from2/op2"] == "skip"


PROOFS: dict[str, Callable[[], None]] = {
    name.removeprefix("prove_"): proof
    for name, proof in list(globals().items())
    if name.startswith("prove_") and name != "prove_pathwise"
}


@pytest.mark.parametrize("proof", sorted(PROOFS))
def test_proof_holds(proof: str) -> None:
    PROOFS[proof]()


def ranked_by_raw_parameters(patch: pytest.MonkeyPatch) -> None:
    original = Discretisation.edge_strengths

    def raw(self: Discretisation, row: Row, mixed: np.ndarray) -> np.ndarray:
        alpha = np.array([9.0, 6.0, 0.0, 0.0, 1.0, 4.0, 0.0, 3.0, 1.0])
        return original(self, row, np.exp(alpha))

    patch.setattr(Discretisation, "edge_strengths", raw)


def ranked_with_none(patch: pytest.MonkeyPatch) -> None:
    def with_none(self: Discretisation, row: Row, mixed: np.ndarray) -> float:
        return float(mixed[row.entries].max())

    patch.setattr(Discretisation, "_best_operation", with_none)


def forgotten_centre(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Segments, "softmax_backward", lambda self, softmax, upstream: softmax * upstream)


def pair_not_shifted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(nas_darts.proxyless, "with_mass_kept", lambda segments, before, after, *, is_touched: after)


def pair_not_renormalised(patch: pytest.MonkeyPatch) -> None:
    def among_all(segments: Segments, alpha: np.ndarray, *, is_pair: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        return segments.softmax_backward(segments.softmax(alpha), np.where(is_pair, gradient, 0.0))

    patch.setattr(nas_darts.proxyless, "pair_backward", among_all)


def pair_with_replacement(patch: pytest.MonkeyPatch) -> None:
    def first_only(segments: Segments, perturbed: np.ndarray) -> np.ndarray:
        flags = np.zeros(segments.total, dtype=bool)
        flags[segments.first_largest(perturbed)] = True
        return flags

    patch.setattr(nas_darts.proxyless, "drawn_pairs", first_only)


def temperature_forgotten(tuner_type: type[Gdas | Snas]) -> Callable[[pytest.MonkeyPatch], None]:
    def plant(patch: pytest.MonkeyPatch) -> None:
        original = tuner_type._backward
        patch.setattr(tuner_type, "_backward", lambda self, draw, gradient: 0.1 * original(self, draw, gradient))

    return plant


def greedy_path(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("nas_darts.gdas.gumbel", lambda generator, size: np.zeros(size))


def draws_held_fixed(patch: pytest.MonkeyPatch) -> None:
    """The gradient only of the normalisation, as if the Gamma draws did not depend on their shape."""
    patch.setattr("nas_darts.dirichlet.gamma_slope", lambda shape, draw: np.ones_like(draw))


BUGS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "edges ranked by raw parameters": (ranked_by_raw_parameters, "edges_are_ranked_by_probability"),
    "edges ranked with none": (ranked_with_none, "edges_are_ranked_by_probability"),
    "softmax backward without its centre, gates": (forgotten_centre, "full_gates"),
    "softmax backward without its centre, straight-through": (forgotten_centre, "straight_through"),
    "softmax backward without its centre, DARTS": (forgotten_centre, "darts"),
    "pair not shifted": (pair_not_shifted, "pair_keeps_its_mass"),
    "pair not renormalised": (pair_not_renormalised, "two_path"),
    "pair drawn with replacement": (pair_with_replacement, "two_path"),
    "temperature forgotten, GDAS": (temperature_forgotten(Gdas), "gdas"),
    "temperature forgotten, SNAS": (temperature_forgotten(Snas), "snas"),
    "path without noise": (greedy_path, "gates_run_one_path"),
    "Gamma draws held fixed": (draws_held_fixed, "dirichlet"),
}


@pytest.mark.parametrize("bug", sorted(BUGS))
def test_planted_bug_makes_its_proof_fail(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, proof = BUGS[bug]
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        PROOFS[proof]()


def test_layout_without_anything_to_mix_has_no_parameters() -> None:
    unmixable = dict.fromkeys((info.path for info in SPACE.decisions), "Shapes differ.")
    layout = Layout(SPACE, unmixable=unmixable)
    assert (layout.mixed.total, layout.sampled.total) == (0, 8)
