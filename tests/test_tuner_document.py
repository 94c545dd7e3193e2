"""What the guide for authors of tuners shows is true: its one-shot example learns, its commands are real."""

from __future__ import annotations

import re
import types
from pathlib import Path

import pytest
from nascore.record import Outcome, Proposal, proposal_seed
from nascore.testing.judging import PlantedPath, judge
from nascore.testing.judging.session import outcome_of
from nascore.tuner import Mode, NoProposal, Schedule, Setup, Tuner

ROOT = Path(__file__).resolve().parent.parent
GUIDE = (ROOT / "docs" / "writing-a-tuner.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def mini_darts() -> type[Tuner]:
    code = re.search(r"```python\n(# mini_darts\.py.*?)```", GUIDE, re.DOTALL)
    assert code is not None
    module = types.ModuleType("mini_darts")
    exec(compile(code[1], "mini_darts.py", "exec"), module.__dict__)
    return module.nascore_tuners()["mini-darts"]


@pytest.mark.parametrize("seed", range(3))
def test_the_one_shot_example_finds_the_planted_path(mini_darts: type[Tuner], seed: int) -> None:
    assert judge(mini_darts, PlantedPath(seed, layers=4, maps=4), seed=seed).is_exact
    assert judge(mini_darts, PlantedPath(seed, layers=4, maps=4), seed=seed, workers=3).is_exact


def test_the_one_shot_example_refuses_what_it_cannot_mix(mini_darts: type[Tuner]) -> None:
    task = PlantedPath(0, layers=2, maps=2, unmixable=(1,))
    setup = Setup(task.space, (task.objective,), 7, mode=Mode.ONE_SHOT, unmixable=task.unmixable)
    assert "flat choices only" in mini_darts.cannot_tune(setup, mini_darts.settings_type())


def test_the_one_shot_example_goes_on_from_its_snapshot_at_every_step(mini_darts: type[Tuner]) -> None:
    task = PlantedPath(3, layers=3, maps=3)
    parts = {"batches_per_epoch": 3, "mode": Mode.ONE_SHOT, "schedule": Schedule(2, warmup_epochs=1)}
    setup = Setup(task.space, (task.objective,), 7, **parts)
    settings, worker = mini_darts.settings_type(), task.worker(1)
    calm, rough = mini_darts(setup, settings), mini_darts(setup, settings)
    number = 0
    waiting: list[tuple[Proposal, Outcome]] = []
    while True:
        state = rough.snapshot()
        rough = mini_darts(setup, settings)
        rough.restore(state)
        seed = proposal_seed(7, number)
        expected = calm.ask(number, seed)
        assert rough.ask(number, seed) == expected
        if expected is NoProposal.EXHAUSTED:
            break
        if expected is NoProposal.WAIT:
            for each in (calm, rough):
                each.tell(*waiting[-1])
            continue
        number += 1
        waiting.append((expected, outcome_of(worker, expected, task, seed=seed)))
    assert number == 18
    assert rough.derive(1) == calm.derive(1)


def test_commands_for_other_languages_are_those_of_their_examples() -> None:
    for folder in ("node", "cpp"):
        block = re.search(rf"```sh\ncd (examples/tuners/{folder})\n(.*?)```", GUIDE, re.DOTALL)
        assert block is not None
        assert block[2] in (ROOT / block[1] / "README.md").read_text(encoding="utf-8").replace("```", "\n")
