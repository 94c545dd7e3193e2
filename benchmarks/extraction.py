"""Processor seconds to read the space of a published model, and to build from it, as the model grows.

Beside them the least that torch must do: the same convolutions, norms and linear layers made one by one on the meta
device, without any choice around them. The least of the rounds counts, for a shared machine only ever adds to it.
Goal: to read the space of DARTS (20 layers of 36 channels) within 2 s.

    python benchmarks/extraction.py [--rounds 3] [--quick]
"""

from __future__ import annotations

import argparse
import gc
import random
import time
from collections.abc import Callable, Mapping
from typing import TypeVar, cast

import nas_trial as nas
import torch
from torch import nn

Pair = tuple[int, int]
T = TypeVar("T")

DEPTHS = (5, 10, 20, 40)
OTHERS = ("nasbench201", "enas-macro", "nasnet", "mobilenetv3", "proxylessnas", "autoformer")


def layers_of(model: nn.Module) -> list[Callable[[], nn.Module]]:
    """Return what makes each of the plain layers of a model again."""
    return [maker for module in model.modules() if (maker := _maker(module)) is not None]


def _maker(module: nn.Module) -> Callable[[], nn.Module] | None:
    match module:
        case nn.Conv2d():
            kernel, stride = cast("Pair", module.kernel_size), cast("Pair", module.stride)
            sides, groups, bias = (module.in_channels, module.out_channels), module.groups, module.bias is not None
            return lambda: nn.Conv2d(*sides, kernel, stride, groups=groups, bias=bias)
        case nn.BatchNorm2d():
            return lambda: nn.BatchNorm2d(module.num_features, affine=module.affine)
        case nn.Linear():
            return lambda: nn.Linear(module.in_features, module.out_features)
        case nn.LayerNorm():
            return lambda: nn.LayerNorm(module.normalized_shape)
    return None


def sample(name: str, options: Mapping[str, int]) -> dict[str, float]:
    """Return the processor seconds of each step for a model of the hub."""
    factory = nas.hub.model(name, **options)
    taken = {}
    with torch.device("meta"):
        space, taken["read the space"] = _timed(lambda: nas.extract(factory))
        architecture = space.sample(random.Random(0))
        _, taken["build one"] = _timed(lambda: nas.build(factory, architecture))
        supernet, taken["build all"] = _timed(lambda: nas.build(factory, None))
        makers = layers_of(supernet)
        _, taken["torch alone"] = _timed(lambda: [make() for make in makers])
    taken["modules"] = sum(1 for _ in supernet.modules())
    return taken


def _timed(step: Callable[[], T]) -> tuple[T, float]:
    gc.collect()
    begun = time.process_time()
    made = step()
    return made, time.process_time() - begun


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one round of small models")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    models = [("darts", {"layers": depth}) for depth in (DEPTHS[:1] if asked.quick else DEPTHS)]
    models += [(name, {}) for name in (OTHERS[:1] if asked.quick else OTHERS)]
    print("| model | modules | read the space, s | build one, s | build all, s | torch alone, s | read / torch |")
    print("|---|---|---|---|---|---|---|")
    for name, options in models:
        rounds = [sample(name, options) for _ in range(1 if asked.quick else asked.rounds)]
        least = {step: min(taken[step] for taken in rounds) for step in rounds[0]}
        label = name + "".join(f", {value} {option}" for option, value in options.items())
        figures = (least[step] for step in ("read the space", "build one", "build all", "torch alone"))
        cells = " | ".join(f"{seconds:.2f}" for seconds in figures)
        ratio = least["read the space"] / least["torch alone"]
        print(f"| {label} | {least['modules']:,.0f} | {cells} | {ratio:.1f}x |", flush=True)


if __name__ == "__main__":
    main()
