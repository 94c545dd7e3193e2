"""A worker for scripts: it forks a process for each trial, which runs the script from its first line.

The order is that of every worker (``nas_trial.worker``): the template is forked while this process has one thread, and
only then is gRPC imported. Libraries that the script imports are imported before, so that no trial has to.
"""

from __future__ import annotations

import ast
import importlib
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import torch
from nascore.errors import UnsupportedError
from nascore.failpoints import VARIABLE, arm
from nascore.space import SearchSpace

from nas_trial import worker
from nas_trial.environment import Isolation, WorkerEnvironment
from nas_trial.isolation import start_template
from nas_trial.nni.script import ScriptTrial

logger = logging.getLogger(__name__)

_WARM = frozenset({"numpy", "pandas", "scipy", "sklearn", "torch", "torchvision"})
"""Libraries that take long to import, start no threads by that, and are the same in every trial."""


def work(trial: ScriptTrial, space: SearchSpace, environ: Mapping[str, str]) -> int:
    """Run a script for trials of the experiment that the environment names, until there are no more.

    Returns:
        The exit code: 0 if the experiment ended or the worker was asked to end.

    Raises:
        SettingsError: The environment is not complete.
        UnsupportedError: Processes cannot be forked here.
    """
    worker._log_to_stderr()
    arm(environ.get(VARIABLE, ""))
    torch.set_num_threads(1)
    environment = WorkerEnvironment.read(environ)
    if environment.isolation is Isolation.NONE:
        logger.warning("A script has a process of its own for each trial; isolation none does not change that.")
    trial.space = space
    sys.path[0] = str(trial.path.absolute().parent)
    _warm_up(trial.path)
    if trouble := worker._why_not_fork():
        raise UnsupportedError(
            f"The script cannot be run once for each trial, because {trouble}.",
            hint="On other systems write a loop with nas.connect().",
        )
    _, template = start_template(trial, folder=environment.folder, threads=environment.threads)
    return worker._until_terminated(trial, space, environment, template=template)


def _warm_up(script: Path) -> None:
    for module in sorted(set(_imported(script))):
        # What cannot be imported fails in the trial, which says so.
        with suppress(Exception):
            importlib.import_module(module)


def _imported(script: Path) -> Iterator[str]:
    with suppress(SyntaxError, ValueError, OSError):
        for statement in ast.parse(script.read_bytes()).body:
            if isinstance(statement, ast.Import):
                names = [alias.name for alias in statement.names]
            elif isinstance(statement, ast.ImportFrom) and not statement.level:
                names = [statement.module or ""]
            else:
                names = []
            yield from (name for name in names if name.partition(".")[0] in _WARM)
