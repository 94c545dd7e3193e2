"""Processor time and memory of a one-shot step, beside plain PyTorch loops over the same supernet and weights.

The plain loops are what the common implementations do: a path as ``ops[i](x)``; a mixture as ``sum(w * op(x))``, with
gradients of weights in both of DARTS' backward passes and images laid out as they come. Networks are the hub's:
NAS-Bench-201 and the cells of DARTS, with images of 32 × 32. Where a network is shortened that is said.

The rows of NNI 3.0 put its own ``DifferentiableMixedLayer`` into the plain loop; its trainer, Lightning, takes no part.
They need .venv-nni, which ``benchmarks/peers.sh`` makes, and are left out without it.

Every row is a process of its own with one thread: processor seconds of a step, the least of the rounds, for a shared
machine only ever adds to it, and the peak of its memory less what it held before its first step.

    python benchmarks/oneshot.py [--rounds 3] [--batch 16] [--width 16] [--depth 2] [--layers 3]
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nas_trial as nas
import torch
from nas_trial.choice import decision_of
from nas_trial.hub import darts, nasbench201
from nas_trial.oneshot.executor import Executor
from nas_trial.supernet import decisions_of, space_of
from nascore.record import Proposal, Task, Unrolled
from nascore.space import Architecture, MixedDecision, Mixture, SomeOf
from torch import Tensor, nn
from torch.nn import functional

ROWS = {
    "plain path": "one path, plain loop",
    "path": "one path",
    "gdas": "GDAS: graded path on the search split, then the path",
    "plain darts": "DARTS, first order, plain mixed operation",
    "nni darts": "DARTS, first order, NNI's mixed operation",
    "darts": "DARTS, first order",
    "second": "DARTS, second order",
}
GOALS = (
    ("path", "plain path", 1.05),
    ("gdas", "plain path", 2.2),
    ("darts", "plain darts", 0.6),
    ("darts", "nni darts", 0.6),
    ("second", "darts", 2.6),
)
Step = Callable[[], float]
NNI_PYTHON = Path(__file__).parent.parent / ".venv-nni/bin/python"


class Search(nas.Trial):
    """A supernet of the hub, under SGD as DARTS trains it."""

    device = "cpu"

    def __init__(self, network: str, *, width: int, depth: int, layers: int) -> None:
        self._network = network
        self._width = width
        self._depth = depth
        self._layers = layers

    def build(self) -> nn.Module:
        """Return the network."""
        if self._network == "darts":
            return darts.make(classes=10, channels=3, width=self._width, layers=self._layers, affine=False)
        return nasbench201.make(classes=10, channels=3, width=self._width, depth=self._depth)

    def optimizer(self, parameters: Iterator[nn.Parameter]) -> torch.optim.Optimizer:
        """Return SGD with the settings of DARTS."""
        return torch.optim.SGD(parameters, 0.025, momentum=0.9, weight_decay=3e-4)


class PlainMixedOp(nn.Module):
    """The mixed operation of the common implementations."""

    def __init__(self, choice: nn.Module, weights: Tensor) -> None:
        super().__init__()
        self.ops = nn.ModuleList(choice.children())
        self.weights = [weights]  # in a list, so that it is no parameter

    def forward(self, x: Tensor) -> Tensor:
        """The weighted sum of all outputs."""
        return sum(w * op(x) for w, op in zip(self.weights[0], self.ops, strict=True))


class PlainSum(nn.Module):
    """A node of DARTS: the sum of operations, each on a state."""

    def __init__(self, operations: list[tuple[int, nn.Module]]) -> None:
        super().__init__()
        self.sources = [source for source, _ in operations]
        self.operations = nn.ModuleList([operation for _, operation in operations])

    def forward(self, states: list[Tensor]) -> Tensor:
        """The sum."""
        return sum(op(states[source]) for source, op in zip(self.sources, self.operations, strict=True))


def mixture_of(supernet: nn.Module, *, is_graded: bool) -> Mixture:
    """Uniform weights for candidates; every edge of a cell counts whole."""
    mixed = []
    for path, decision in decisions_of(supernet).items():
        count, is_edge = len(decision.node.candidates), isinstance(decision.node, SomeOf)
        weights = (1.0,) * count if is_edge else (1 / count,) * count
        mixed.append(MixedDecision(path, weights, tuple(range(count)) if is_graded and not is_edge else ()))
    return Mixture(tuple(mixed))


def path_of(supernet: nn.Module, architecture: Architecture, *, is_graded: bool) -> Mixture:
    """An architecture as weights, with gates where it is graded."""
    mixed = []
    for path, value in architecture.items():
        candidates = decisions_of(supernet)[path].node.candidates
        taken = value if isinstance(value, tuple) else (value,)
        weights = tuple(float(each.key in taken) for each in candidates)
        graded = tuple(index for index, weight in enumerate(weights) if weight) if is_graded else ()
        mixed.append(MixedDecision(path, weights, graded))
    return Mixture(tuple(mixed))


def step_of(row: str, trial: Search, batch: tuple[Tensor, Tensor]) -> Step:
    """What a row measures; it returns the loss."""
    torch.manual_seed(0)
    supernet = nas.build(trial.build, None)
    architecture = space_of(supernet).sample(random.Random(4))
    if row == "plain path":
        return _plain_path(trial, supernet, architecture, batch)
    if row == "plain darts":
        return _plain_darts(trial, supernet, batch, mixed=PlainMixedOp)
    if row == "nni darts":
        return _plain_darts(trial, supernet, batch, mixed=_nni_mixed_layer)
    executor = Executor(trial, supernet)
    plain, graded = mixture_of(supernet, is_graded=False), mixture_of(supernet, is_graded=True)
    train = Proposal(0, mixture=plain, task=Task.TRAIN)
    if row in {"path", "gdas"}:
        train = Proposal(0, architecture, task=Task.TRAIN)
        graded = path_of(supernet, architecture, is_graded=True)
    asked = Proposal(1, mixture=graded, task=Task.GRADIENT, unrolled=Unrolled() if row == "second" else None)

    def step() -> float:
        if row != "path":
            executor.gradient(asked, [batch], next_batch=batch)
        return executor.train(train, [batch]).metrics["loss"]

    return step


def _plain_path(trial: Search, supernet: nn.Module, architecture: Architecture, batch: tuple[Tensor, Tensor]) -> Step:
    # channels_last as the executor has it: the goal is what sampling itself costs.
    nas.activate(supernet, architecture)
    _replace(
        supernet, nas.LayerChoice, lambda choice: getattr(choice, str(choice.chosen)) if choice_is_on(choice) else None
    )
    _replace(supernet, object, lambda node: _chosen_sum(node) if type(node).__name__ == "DistinctInputs" else None)
    supernet.to(memory_format=torch.channels_last)
    inputs, labels = batch[0].to(memory_format=torch.channels_last), batch[1]
    optimizer = trial.optimizer(supernet.parameters())

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(supernet(inputs), labels)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def choice_is_on(choice: nn.Module) -> bool:
    """Whether the architecture reaches a choice."""
    return decision_of(choice).value is not None


def _chosen_sum(node: nn.Module) -> nn.Module:
    return PlainSum([(source, node.get_submodule(name)) for name, source in node.edges()])


def _nni_mixed_layer(choice: nn.Module, weights: Tensor) -> nn.Module:
    # Of another environment, and only for its own row.
    from nni.mutable.frozen import frozen_context  # noqa: PLC0415
    from nni.nas.oneshot.pytorch.supermodule.differentiable import DifferentiableMixedLayer  # noqa: PLC0415

    alpha = weights.detach().log().requires_grad_()  # of which the softmax is the weights
    label, candidates = decision_of(choice).path.replace("/", "."), dict(choice.named_children())
    with frozen_context({label: next(iter(candidates))}):  # wants a choice for its dry run
        return DifferentiableMixedLayer(candidates, alpha, nn.Softmax(-1), label)


def _plain_darts(
    trial: Search,
    supernet: nn.Module,
    batch: tuple[Tensor, Tensor],
    *,
    mixed: Callable[[nn.Module, Tensor], nn.Module],
) -> Step:
    weights = {
        each.path: torch.tensor(each.weights, requires_grad=True)
        for each in mixture_of(supernet, is_graded=True).decisions
    }
    _replace(supernet, nas.LayerChoice, lambda choice: mixed(choice, weights[decision_of(choice).path]))
    _replace(supernet, object, lambda node: _whole_sum(node) if type(node).__name__ == "DistinctInputs" else None)
    optimizer = trial.optimizer(supernet.parameters())

    def step() -> float:
        functional.cross_entropy(supernet(batch[0]), batch[1]).backward()
        optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(supernet(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def _whole_sum(node: nn.Module) -> nn.Module:
    return PlainSum([(int(name), child) for name, child in node.named_children()])


def _replace(module: nn.Module, kind: type, made: Callable[[nn.Module], nn.Module | None]) -> None:
    for part in list(module.modules()):
        for name, child in list(part.named_children()):
            other = made(child) if isinstance(child, kind) else None
            if other is not None:
                part._modules[name] = other


def measure(row: str, network: str, options: argparse.Namespace) -> dict[str, float]:
    """Processor seconds of a step, megabytes, and the first loss, which shows what computes the same."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(options.batch, 3, 32, 32, generator=generator)
    batch = images, torch.randint(0, 10, (options.batch,), generator=generator)
    step = step_of(row, Search(network, width=options.width, depth=options.depth, layers=options.layers), batch)
    before = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 2**20
    loss, seconds = step(), []
    for _ in range(options.rounds):
        started = time.process_time()
        step()
        seconds.append(time.process_time() - started)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"seconds": min(seconds), "megabytes": most - before, "loss": loss}


def main() -> None:
    """Measure and print one table for each network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rounds", 3), ("batch", 16), ("width", 16), ("depth", 2), ("layers", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--row", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        print(json.dumps(measure(*options.row, options)))
        return
    for network in ("nasbench201", "darts"):
        size = f"{options.depth} cells a stage" if network == "nasbench201" else f"{options.layers} layers"
        print(f"\n{network}, {size} of {options.width} channels, batch {options.batch}")
        print("\n| step | s | MB | first loss |\n|---|---|---|---|")
        found = {row: _in_a_process(row, network) for row in ROWS if row != "nni darts" or NNI_PYTHON.exists()}
        for row, each in found.items():
            print(f"| {ROWS[row]} | {each['seconds']:.3f} | {each['megabytes']:.0f} | {each['loss']:.6f} |")
        for row, other, goal in (each for each in GOALS if each[1] in found):
            ratio = found[row]["seconds"] / found[other]["seconds"]
            print(f"{ROWS[row]} / {ROWS[other]}: {ratio:.2f} (goal {goal})")
        for other in ("plain darts", "nni darts"):
            if other in found:
                less = 1 - found["darts"]["megabytes"] / found[other]["megabytes"]
                print(f"memory of DARTS: {less:.0%} less than {ROWS[other]} (goal 35%)")


def _in_a_process(row: str, network: str) -> dict[str, float]:
    python = str(NNI_PYTHON) if row == "nni darts" else sys.executable
    command = [python, "-W", "ignore", *sys.argv, "--row", row, network]
    return dict(json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout))


if __name__ == "__main__":
    main()
