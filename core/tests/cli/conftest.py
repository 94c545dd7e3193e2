"""Runs the real program in a process of its own, with a home of its own and a toy tuner beside the installed ones."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from nascore.cli.program import program
from nascore.experiment import DATABASE_NAME, Experiments, new_identifier
from nascore.journal import Holder
from nascore.record import ExperimentSpec, Limits, Objective, Outcome
from nascore.space import Candidate, Integer, OneOf, SearchSpace
from nascore.tuner import LocalSession, load_tuner

TOYS = Path(__file__).parent / "toys"
PROGRAM = (sys.executable, "-c", "from nascore.cli import main; main()")
SPACE = SearchSpace((OneOf("op", (Candidate("conv3"), Candidate("conv5"))), Integer("width", 8, 64)))

Nascore = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The environment of a person who has the toy tuner installed and no experiments yet."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NASCORE", "PYTEST", "COV"))}
    return {**kept, "NASCORE_HOME": str(tmp_path / "home"), "PYTHONPATH": str(TOYS), "NO_COLOR": "1"}


@pytest.fixture
def nascore(environ: dict[str, str], tmp_path: Path) -> Nascore:
    """Runs ``nascore WORDS``."""

    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = (*PROGRAM, *words)
        return subprocess.run(
            command, env={**environ, **more}, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False
        )

    return run


@pytest.fixture
def begin(environ: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Begins ``nascore WORDS`` and leaves it running; killed at the end of the test."""
    begun: list[subprocess.Popen[str]] = []

    def start(*words: str, **more: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            (*PROGRAM, *words),
            env={**environ, **more},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        begun.append(process)
        return process

    yield start
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Result]:
    """Calls the program in this process, with the same home and the same toys."""
    for name in list(os.environ):
        if name.startswith("NASCORE"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NASCORE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(TOYS))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.syspath_prepend(str(TOYS))
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Result:
        return CliRunner().invoke(program, list(words))

    return call


@pytest.fixture
def experiment_file(tmp_path: Path) -> Path:
    """An experiment file for the toy worker and the toy tuner."""
    path = tmp_path / "experiment.yaml"
    path.write_text(
        f"experimentName: toys\ntrialCommand: python {TOYS / 'worker.py'}\n"
        "tuner: {name: toy, classArgs: {population_size: 5}}\nmaxTrialNumber: 6\ntrialConcurrency: 2\nseed: 7\n"
    )
    return path


@pytest.fixture
def keep(tmp_path: Path, invoke: Callable[..., Result]) -> Callable[..., str]:
    """Makes an experiment with given outcomes, without processes, and returns its id."""

    def make(
        outcomes: Sequence[Outcome], *, name: str = "kept", objectives: tuple[Objective, ...] = (Objective("accuracy"),)
    ) -> str:
        identifier = new_identifier()
        folder = tmp_path / "home" / "experiments" / identifier
        (folder / "logs").mkdir(parents=True)
        spec = ExperimentSpec("toy", objectives=objectives, limits=Limits(max_trials=50), seed=3, name=name)
        asyncio.run(_keep(folder, outcomes, spec=spec, identifier=identifier))
        return identifier

    return make


async def _keep(folder: Path, outcomes: Sequence[Outcome], *, spec: ExperimentSpec, identifier: str) -> None:
    async def connect(_name: str, _history: object, _on_trouble: Callable[[str], None]) -> LocalSession:
        return LocalSession(load_tuner("toy")[0])

    experiments = await Experiments.open(folder / DATABASE_NAME, holder=Holder(1, "here"), connect=connect)
    engine = await experiments.create(spec, request_id="create", identifier=identifier)
    await engine.register_space("worker-0", SPACE)
    for outcome in outcomes:
        lease = (await engine.lease("worker-0", secrets.token_hex(8), max_wait_s=60)).lease
        assert lease is not None
        await engine.finish("worker-0", lease.trial, lease.epoch, secrets.token_hex(8), outcome=outcome)
    await experiments.close()
