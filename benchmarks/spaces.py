"""Milliseconds of every question to a large space: 1 000, 10 000 and 100 000 decisions, beside Optuna and plain Python.

Half of the decisions are conditional and a tenth are subsets; the largest is made of a thousand copies of a part, for
a space may be written with 20 000 nodes at most. Processor time of this process, the least of the rounds: a shared
machine only ever adds to it. Beside a question stands the least that could be done for it: the same draws into a plain
dictionary, or a copy of one. Goal: to sample, mutate and validate at 10 000 in 50 ms each, and sizes exact.

    python benchmarks/spaces.py [--rounds 5] [--sizes 1000,10000,100000] [--quick]
"""

from __future__ import annotations

import gc
import random
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import optuna
from nascore.space import Architecture, Candidate, Group, Integer, Node, OneOf, Repeat, SearchSpace, SomeOf

sys.path.insert(0, str(Path(__file__).parent))
import pairs

SIZES = (1_000, 10_000, 100_000)
GOALS = {"sample": 50.0, "mutate": 50.0, "validate": 50.0}
LIMITS = {"sample": "plain draws", "mutate": "plain copy", "crossover": "plain coins"}
OPTUNA = "Optuna's random sampler, so many parameters"
_COPIES = 1_000
_PEER_MOST = 10_000
_KEYS = ("a", "b", "c", "d", "e")

Step = Callable[[], object]


def nodes(count: int) -> tuple[Node, ...]:
    """Return so many nodes, in groups of ten: a choice, what lies beneath its two candidates, and a subset."""
    return tuple(_group(f"g{index:05}") for index in range(count // 10))


def _group(name: str) -> Node:
    kinds = tuple(OneOf(f"{name}kind{place}", tuple(map(Candidate, _KEYS))) for place in range(4))
    widths = tuple(Integer(f"{name}width{place}", 1, 64) for place in range(3))
    op = OneOf(f"{name}op", (Candidate("x", children=kinds), Candidate("y", children=widths)))
    return Group(name, (op, SomeOf(f"{name}inputs", tuple(map(Candidate, _KEYS)), 1, 3)))


def space_of(decisions: int) -> SearchSpace:
    """Return a space with so many nodes, or with so many decisions in copies where that is more than may be written."""
    if decisions <= 20_000:
        return SearchSpace(nodes(decisions))
    return SearchSpace((Repeat("part", nodes(decisions // _COPIES), _COPIES, _COPIES),))


def once(space: SearchSpace) -> dict[str, Step]:
    """Return what is done once for a space: each begins with one that was just read."""
    text = space.to_json()
    fresh = partial(SearchSpace, space.nodes)
    return {
        "read from JSON": lambda: SearchSpace.from_json(text),
        "write as JSON": space.to_json,
        "fingerprint, and build": lambda: fresh().fingerprint,
        "first sample, and build": lambda: fresh().sample(random.Random(1)),
        "size, and build": lambda: fresh().size(),
        "build": fresh,
    }


def often(space: SearchSpace) -> dict[str, Step]:
    """Return the questions that a search asks again and again."""
    rng = random.Random(1)
    first, second = space.sample(rng), space.sample(rng)
    index = space.index_of(first)
    return {
        "sample": lambda: space.sample(rng),
        "mutate": lambda: space.mutate(first, rng),
        "crossover": lambda: space.crossover(first, second, rng),
        "validate": lambda: space.validate(first),
        "first neighbour": lambda: next(space.neighbours(first)),
        "encode": lambda: space.encode(first),
        "number of": lambda: space.index_of(first),
        "by number": lambda: space.at(index),
        **plain(first, second, rng),
    }


def plain(first: Architecture, second: Architecture, rng: random.Random) -> dict[str, Step]:
    """Return the least that could be done, with as many decisions as an architecture has."""
    one, other = dict(first), dict(second)
    return {
        "plain draws": lambda: {path: _KEYS[int(rng.random() * 5)] for path in one},
        "plain copy": one.copy,
        "plain coins": lambda: {
            path: value if rng.random() < 0.5 else other.get(path, value) for path, value in one.items()
        },
    }


def peer(count: int) -> Step:
    """Return one ask of an Optuna study with so many categorical parameters."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))

    def step() -> None:
        trial = study.ask()
        for index in range(count):
            trial.suggest_categorical(f"choice{index:05}", _KEYS)
        study.tell(trial, 0.5)

    return step


def measured(steps: dict[str, Step], rounds: int) -> dict[str, float]:
    """Return the least processor milliseconds of each, all of them once a round; the first round warms up."""
    found: dict[str, float] = {}
    for number in range(rounds + 1):
        for name in random.Random(number).sample(sorted(steps), len(steps)):
            gc.collect()
            begun = time.process_time()
            steps[name]()
            spent = (time.process_time() - begun) * 1e3
            if number:
                found[name] = min(found.get(name, spent), spent)
    return {name: found[name] for name in steps}


def column(size: int, rounds: int) -> dict[str, float]:
    """Return the milliseconds of everything at one size."""
    print(f"spaces: {size:,} decisions", file=sys.stderr, flush=True)
    space = space_of(size)
    assert space.size().is_exact
    found = measured(once(space), rounds) | measured(often(space), rounds)
    if size <= _PEER_MOST:
        found |= measured({OPTUNA: peer(size)}, min(rounds, 2))
    return found


def rows(columns: dict[int, dict[str, float]]) -> list[list[str]]:
    """Return a line for each question: its milliseconds at each size, the goal, and how far it is from the limit."""
    last = min(max(columns), _PEER_MOST)
    lines = []
    for name in dict.fromkeys(name for column in columns.values() for name in column):
        cells = [pairs.number(column[name], 3) if name in column else "–" for column in columns.values()]
        limit = LIMITS.get(name)
        beside = f"{columns[last][name] / columns[last][limit]:.1f}x {limit}" if limit and last in columns else ""
        lines.append([name, *cells, f"{GOALS[name]:.0f}" if name in GOALS else "", beside])
    return lines


def main() -> None:
    """Measure and print the table."""
    parser = pairs.options(__doc__, rounds=5, seconds=0.0)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    options = parser.parse_args()
    sizes, rounds = [int(size) for size in options.sizes.split(",")], options.rounds
    if options.quick:
        sizes, rounds = [100, 1_000], 1
    columns = {size: column(size, rounds) for size in sizes}
    print(pairs.machine("nascore", "optuna"))
    print(f"Processor ms at so many decisions; architectures at {max(sizes):,}: {space_of(max(sizes)).size()}\n")
    print(pairs.table(["", *(f"{size:,}" for size in sizes), "goal at 10,000", "beside the limit"], rows(columns)))


if __name__ == "__main__":
    main()
