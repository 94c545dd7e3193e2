"""What a mixture computes, kind of choice by kind of choice, against the same written out by hand."""

import random

import nas_trial as nas
import pytest
import torch
from nas_trial.mixing import Nothing
from nas_trial.oneshot.executor import ExecutorOptions, samples
from nas_trial.supernet import space_of
from nascore.record import Task
from nascore.space import MixedDecision, Mixture
from torch import nn


def output(kit, net, mixture, x):
    """What the supernet computes of a mixture."""
    with net.executor._samples.applied(kit.sample(mixture), device=torch.device("cpu")):
        return net.net(x)


def mixed(graded=False, fixed=None, **weights):
    decisions = (
        MixedDecision(path, tuple(map(float, each)), tuple(range(len(each))) if graded else ())
        for path, each in weights.items()
    )
    return Mixture(tuple(decisions), fixed or {})


class Inputs(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.choice = nas.InputChoice(3, label="in", **options)

    def forward(self, x):
        return self.choice([x, 2 * x, x * x])


@pytest.mark.parametrize("n_chosen", [1, 2, None])
@pytest.mark.parametrize("reduction", ["sum", "mean", "concat", "none"])
def test_inputs_are_added_up_as_they_are_reduced(kit, n_chosen, reduction):
    if reduction == "concat" and n_chosen is None:
        n_chosen = (1, 3)
    net = kit.made(lambda: Inputs(n_chosen=n_chosen, reduction=reduction), optimizer={"lr": 0.1}, trial=Empty(kit))
    x = torch.randn(2, 3, dtype=torch.float64)
    parts = [0.5 * x, 0.25 * 2 * x]
    found = output(kit, net, mixed(**{"in": (0.5, 0.25, 0)}), x)
    if n_chosen == 1:
        expected = [sum(parts)] if reduction == "none" else sum(parts)
    else:
        expected = {
            "sum": sum(parts),
            "mean": sum(parts) / 0.75,
            "concat": torch.cat(parts, 1),
            "none": parts,
        }[reduction]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def Empty(kit):
    class Unfitted(kit.Fitting):
        def optimizer(self, parameters):
            return torch.optim.SGD([nn.Parameter(torch.zeros(1))], 0.1)

    return Unfitted


@pytest.mark.parametrize("reduction", ["sum", "mean", "concat", "none"])
def test_inputs_with_weight_one_are_the_chosen_ones(kit, reduction):
    net = kit.made(lambda: Inputs(n_chosen=(1, 3), reduction=reduction), trial=Empty(kit))
    x = torch.randn(2, 3, dtype=torch.float64)
    with net.executor._samples.applied(kit.sample({"in": ("0", "2")}), device=torch.device("cpu")):
        expected = net.net(x)
    torch.testing.assert_close(output(kit, net, mixed(**{"in": (1, 0, 1)}), x), expected, rtol=0, atol=0)
    if reduction in {"sum", "mean"}:
        torch.testing.assert_close(output(kit, net, mixed(graded=True, **{"in": (1, 0, 1)}), x), expected)


def test_more_inputs_than_are_ever_kept_are_refused(kit):
    net = kit.made(lambda: Inputs(n_chosen=2, reduction="concat"), trial=Empty(kit))
    with pytest.raises(NotImplementedError, match="3 inputs have weights, but at most 2"):
        output(kit, net, mixed(**{"in": (1, 1, 1)}), torch.ones(2, 3))


class Called(nn.Module):
    """Three ways to go through the copies of a Repeat."""

    def __init__(self, how, least=1):
        super().__init__()
        self.how = how
        self.blocks = nas.Repeat(lambda i: nn.Linear(3, 3), (least, 3), label="depth")

    def forward(self, x):
        if self.how == "called":
            return self.blocks(x)
        copies = self.blocks if self.how == "looped" else (self.blocks[i] for i in range(len(self.blocks)))
        for block in copies:
            x = block(x)
        return x


@pytest.mark.parametrize("how", ["called", "looped", "indexed"])
@pytest.mark.parametrize("weights", [(0.2, 0.3, 0.5), (0.4, 0.6, 0), (0, 1, 0), (0.5, 0, 0.5)])
@pytest.mark.parametrize("graded", [False, True])
def test_counts_are_a_weighted_sum_of_what_there_is_after_each(kit, how, weights, graded):
    net = kit.made(lambda: Called(how))
    x = torch.randn(2, 3, dtype=torch.float64)
    state, expected = x, 0
    for copy, weight in zip(net.net.blocks.children(), weights, strict=True):
        state = copy(state)
        expected = expected + weight * state
    for _ in range(2):
        torch.testing.assert_close(output(kit, net, mixed(graded, depth=weights), x), expected, rtol=0, atol=1e-12)


def test_count_of_none_is_the_input(kit):
    net = kit.made(lambda: Called("looped", least=0))
    x = torch.randn(2, 3, dtype=torch.float64)
    first = next(net.net.blocks.children())
    assert torch.allclose(output(kit, net, mixed(depth=(0.5, 0.5, 0, 0)), x), 0.5 * x + 0.5 * first(x))
    assert torch.equal(output(kit, net, mixed(graded=True, depth=(1, 0, 0, 0)), x), x)


def test_copies_beyond_the_last_weight_are_computed_for_gradients_alone(kit, batches):
    net = kit.made(lambda: Called("called"))
    only = Mixture((MixedDecision("depth", (1.0, 0.0, 0.0), graded=(0, 2)),))
    outcome = net.executor.train(kit.sample(only), batches(1, shape=(3,)))
    assert all(map(bool, (outcome.gradient[0].weights[0], outcome.gradient[0].weights[2])))
    assert next(net.net.blocks.children()).weight.grad is not None
    assert all(copy.weight.grad is None for copy in list(net.net.blocks.children())[1:])


class Nested(nn.Module):
    def __init__(self):
        super().__init__()

        def deep():
            return nn.Sequential(
                nn.Linear(3, 3),
                nas.LayerChoice({"tanh": nn.Tanh, "relu": nn.ReLU}, label="act"),
            )

        self.op = nas.LayerChoice({"deep": deep, "skip": nn.Identity}, label="op")

    def forward(self, x):
        return self.op(x)


def test_choices_beneath_a_candidate_are_mixed_too(kit):
    net = kit.made(Nested)
    x = torch.randn(2, 3, dtype=torch.float64)
    linear = net.net.op.deep[0]
    inner = 0.3 * linear(x).tanh() + 0.7 * linear(x).relu()
    found = output(kit, net, mixed(**{"op": (0.4, 0.6), "op/deep/act": (0.3, 0.7)}), x)
    torch.testing.assert_close(found, 0.4 * inner + 0.6 * x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("inputs", ["any", "distinct"])
@pytest.mark.parametrize("merge", ["all", "loose_end"])
@pytest.mark.parametrize("placed", [False, True])
def test_one_hot_cell_is_the_chosen_cell(kit, inputs, merge, placed):
    def factory():
        make = (lambda node, operation, source: nn.Linear(3, 3)) if placed else (lambda: nn.Linear(3, 3))
        return Celled(nas.Cell({"linear": make, "skip": nn.Identity}, nodes=3, operations_per_node=2, predecessors=2,
                               inputs=inputs, merge=merge, label="cell"))  # fmt: skip

    class Celled(nn.Module):
        def __init__(self, cell):
            super().__init__()
            self.cell = cell

        def forward(self, x):
            return self.cell([x, x * x])

    net = kit.made(factory)
    x = torch.randn(2, 3, dtype=torch.float64)
    space = space_of(net.net)
    for seed in range(3):
        architecture = space.sample(random.Random(seed))
        with net.executor._samples.applied(kit.sample(architecture), device=torch.device("cpu")):
            expected = net.net(x)
        decisions = []
        for path, value in architecture.items():
            node = net.decisions[path].node
            chosen = value if isinstance(value, tuple) else (value,)
            weights = tuple(float(each.key in chosen) for each in node.candidates)
            graded = tuple(index for index, weight in enumerate(weights) if weight)
            decisions.append(MixedDecision(path, weights, graded))
        found = output(kit, net, Mixture(tuple(decisions)), x)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_cell_where_each_input_has_weights_of_its_own_mixes_outputs(kit):
    class Celled(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nas.Cell(
                {"f": lambda node, operation, source: nn.Linear(3, 3)}, nodes=1, predecessors=2, label="c"
            )

        def forward(self, x):
            return self.cell([x, x * x])

    net = kit.made(Celled)
    x = torch.randn(2, 3, dtype=torch.float64)
    first, second = (m for m in net.net.modules() if isinstance(m, nn.Linear))
    assert first.weight.shape == (3, 3)
    weights = {"c.input_2_0": (0.3, 0.7)} | {path: (1.0,) for path in net.decisions if "op" in path}
    found = output(kit, net, mixed(**weights), x)
    torch.testing.assert_close(found, 0.3 * first(x) + 0.7 * second(x * x), rtol=0, atol=1e-12)


def test_structures_are_added_up_entry_by_entry(kit):
    class Two(nn.Module):
        def __init__(self, scale):
            super().__init__()
            self.scale = scale

        def forward(self, x):
            return x * self.scale, {"twice": [2 * self.scale * x]}

    net = kit.made(lambda: nas.LayerChoice({"a": lambda: Two(1), "b": lambda: Two(3)}, label="op"), trial=Empty(kit))
    x = torch.ones(2, dtype=torch.float64)
    first, second = output(kit, net, mixed(op=(0.5, 0.5)), x)
    assert torch.equal(first, 2 * x)
    assert torch.equal(second["twice"][0], 4 * x)


class Emptied(nn.Module):
    """Two edges that may be nothing, the second of which reads what the first gives."""

    def __init__(self, none):
        super().__init__()
        for name in ("first", "second"):
            candidates = {"none": none, "line": lambda: nn.Linear(3, 3), "skip": nn.Identity}
            self.add_module(name, nas.LayerChoice(candidates, label=name))

    def forward(self, x):
        return self.second(x + self.first(x))


class Zeros(nn.Module):
    """What people write for nothing."""

    def forward(self, x):
        return 0 * x


class Mine(Nothing):
    """The same, said to be nothing."""

    def forward(self, x):
        assert not self.is_left_out, "nothing is computed although there are others"
        return 0 * x

    is_left_out = False


def test_nothing_among_others_is_not_computed_and_changes_no_loss_and_no_gradient(kit, batches):
    batch = batches(1, shape=(3,))
    told, plain = kit.made(lambda: Emptied(Mine)), kit.made(lambda: Emptied(Zeros))
    told.net.first.none.is_left_out = told.net.second.none.is_left_out = True
    for weights in ((0.5, 0.2, 0.3), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)):
        mixture = mixed(graded=True, first=weights, second=(0.2, 0.3, 0.5))
        found, expected = (net.executor.train(kit.sample(mixture), batch) for net in (told, plain))
        assert found.metrics["loss"] == pytest.approx(expected.metrics["loss"], abs=1e-12)
        for ours, theirs in zip(found.gradient, expected.gradient, strict=True):
            assert ours.weights == pytest.approx(theirs.weights, abs=1e-12)
            assert ours.weights[0] == 0
    for ours, theirs in zip(told.net.parameters(), plain.net.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_path_of_nothing_gives_zeros_and_no_gradient(kit, batches):
    net = kit.made(lambda: Emptied(Mine))
    one_hot = Mixture((MixedDecision("first", (0.0, 0, 1.0)), MixedDecision("second", (1.0, 0, 0), graded=(0,))))
    ((x, y),) = batches(1, shape=(3,))
    outcome = net.executor.gradient(kit.sample(one_hot, Task.GRADIENT), [(x, y)])
    assert outcome.metrics["loss"] == pytest.approx(y.square().mean().item())
    assert [each.weights for each in outcome.gradient] == [(0.0, 0.0, 0.0), (0.0, 0.0, 0.0)]


def test_dropped_paths_leave_one_and_keep_the_sum(kit):
    net = kit.made(Nested, options=ExecutorOptions(path_dropout=0.5))
    seen = set()
    with pytest.MonkeyPatch.context() as patch:
        true = samples.Mixing
        patch.setattr(samples, "Mixing", lambda path, options, weights, *rest: seen.add((path, weights))
                      or true(path, options, weights, *rest))  # fmt: skip
        for _ in range(40):
            sample = kit.sample(mixed(**{"op": (0.25, 0.75), "op/deep/act": (0.5, 0.5)}))
            with net.executor._samples.applied(sample, device=torch.device("cpu"), drops=True):
                pass
    assert {weights for path, weights in seen if path == "op"} == {(0.0, 1.0), (1.0, 0.0), (0.25, 0.75)}


class Channels(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.op = nas.LayerChoice(
            {
                "conv": lambda: nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)),
                "depth": lambda: nn.Conv2d(width, width, 3, padding=1, groups=width),
                "pool": lambda: nn.MaxPool2d(3, 1, 1),
                "skip": nn.Identity,
            },
            label="op",
        )

    def forward(self, x):
        return self.op(x)


def test_partial_channels_pass_the_mixture_and_the_others_go_past(kit):
    net = kit.made(Channels)
    x = torch.randn(3, 8, 5, 5, dtype=torch.float64)
    weights = (0.4, 0.3, 0.2, 0.1)
    sample = kit.sample(mixed(op=weights), partial_channels=4)
    with net.executor._samples.applied(sample, device=torch.device("cpu")):
        found = net.net(x)
    part, op = x[:, :2], net.net.op
    conv = nn.functional.conv2d(part, op.conv[0].weight[:2, :2], op.conv[0].bias[:2], padding=1)
    conv = nn.functional.batch_norm(conv, None, None, op.conv[1].weight[:2], op.conv[1].bias[:2], True)
    depth = nn.functional.conv2d(part, op.depth.weight[:2], op.depth.bias[:2], padding=1, groups=2)
    terms = (conv, depth, nn.functional.max_pool2d(part, 3, 1, 1), part)
    mixed_ = sum(w * term for w, term in zip(weights, terms, strict=True))
    expected = torch.cat([mixed_, x[:, 2:]], 1).reshape(3, 4, 2, 5, 5).transpose(1, 2).reshape(3, 8, 5, 5)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    assert op.depth.groups == 8
    assert op.conv[0].weight.shape == (8, 8, 3, 3)


def grouped():
    return nn.GroupNorm(2, 8)


def elastic():
    kernel = nas.ValueChoice([3, 5], label="kernel")
    return nas.Conv2d(8, 8, kernel, padding=kernel // 2)


@pytest.mark.parametrize(("layer", "why"), [(grouped, "a GroupNorm"), (elastic, "the sizes of a Conv2d are decisions")])
def test_candidates_that_cannot_be_cut_are_refused_by_name(kit, layer, why):
    class Uncut(nn.Module):
        def __init__(self):
            super().__init__()
            self.op = nas.LayerChoice({"layer": layer, "skip": nn.Identity}, label="op")

        def forward(self, x):
            return self.op(x)

    net = kit.made(Uncut)
    sample = kit.sample(mixed(op=(0.5, 0.5)), Task.GRADIENT, partial_channels=4)
    x = torch.randn(3, 8, 5, 5, dtype=torch.float64)
    with pytest.raises(NotImplementedError, match=f"'op' cannot use partial channels: {why}"):
        with net.executor._samples.applied(sample, device=torch.device("cpu")):
            net.net(x)
