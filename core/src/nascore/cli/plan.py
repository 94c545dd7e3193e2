"""The plan of a run: what is asked for, checked as far as it can be before anything is begun."""

from __future__ import annotations

import ast
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from nascore import nni
from nascore.cli.failure import InputFileError, WrongUsageError
from nascore.cli.limits import as_texts
from nascore.cli.oneshot import one_shot_of
from nascore.cli.request import Isolation, RunRequest
from nascore.cli.runfile import RunFile
from nascore.cli.tunerchoice import DEFAULT_TUNER, check_tuner
from nascore.errors import SettingsError, SpaceError
from nascore.record import ExperimentSpec, Limits, Objective, TunerLimits
from nascore.space import SearchSpace

_PYTHON = ("python", "python3")


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done: the experiment, and how its workers are started."""

    spec: ExperimentSpec
    run: RunFile


def plan_of(request: RunRequest, *, address: str | None = None) -> Plan:
    """Return the plan that a request stands for.

    Args:
        request: What was asked for.
        address: Where a server listens whose workers come from elsewhere; ``None`` starts workers here.

    Raises:
        NascoreError: If something is missing or wrong: the trial, the tuner, its settings, the space.
    """
    tuner = request.tuner or DEFAULT_TUNER
    objectives = request.objectives or ()
    check_tuner(tuner, request.settings or {}, objectives=objectives, is_insecure=bool(request.is_tuner_insecure))
    is_server = address is not None
    run = RunFile(
        trial_file="" if request.trial_file is None else str(request.trial_file),
        command=() if is_server else _command(request),
        parallel=0 if is_server else request.parallel or 1,
        isolation=request.isolation or Isolation.FORK,
        tuner=tuner,
        python=sys.executable,
        cwd=str(request.folder or Path.cwd()),
        gpus=request.gpus,
        address=address or "",
        is_tuner_insecure=bool(request.is_tuner_insecure),
        hub=request.hub or "",
        maxima=as_texts(request.maxima or {}),
        profile=request.profile or (),
        tuner_limits=request.tuner_limits or TunerLimits(),
    )
    return Plan(_spec(request, tuner), run)


def _spec(request: RunRequest, tuner: str) -> ExperimentSpec:
    return ExperimentSpec(
        tuner=tuner,
        settings=request.settings or {},
        objectives=request.objectives or (Objective("accuracy"),),
        limits=limits_of(request),
        seed=request.seed,
        space=None if request.space_file is None else read_space(request.space_file),
        name=request.name or "",
        mode=request.mode,
        one_shot=one_shot_of(request.one_shot, parallel=request.parallel or 1),
    )


def limits_of(request: RunRequest) -> Limits:
    """Return the limits that a request names."""
    return Limits(
        max_trials=request.trials,
        max_duration_s=request.duration_s,
        target=request.target,
        max_attempts=request.max_attempts,
        lease_s=request.lease_s,
        max_failures_in_a_row=request.max_failures_in_a_row,
    )


def _command(request: RunRequest) -> tuple[str, ...]:
    if request.trial_command is not None:
        first, *rest = request.trial_command
        # The environment that nascore runs in is meant, also where it is not activated.
        return (sys.executable if first in _PYTHON else _program(first, request.folder or Path.cwd()), *rest)
    if request.trial_file is None:
        raise WrongUsageError("There is no trial to run.", fix="Give one: `nascore run trial.py`.")
    check_trial(request.trial_file)
    return (sys.executable, str(request.trial_file))


def _program(name: str, folder: Path) -> str:
    found = shutil.which(str(folder / name) if os.sep in name else name)
    if found is None:
        raise SettingsError(
            f"The program `{name}` of the trial command is not found, or cannot be executed.",
            hint=f"Programs with a path are looked for from {folder}; others in PATH.",
        )
    return found


def check_trial(path: Path) -> None:
    """Check that a trial is a Python file without syntax errors; it is not run.

    Raises:
        InputFileError: If it is not; names the line.
    """
    try:
        ast.parse(path.read_bytes(), str(path))
    except SyntaxError as error:
        text = (error.text or "").rstrip()
        excerpt = f"{error.lineno:>4} │ {text[:200]}" if text else ""
        raise InputFileError(
            f"Not valid Python: {error.msg}.", where=f"{path}:{error.lineno}", excerpt=excerpt
        ) from error
    except OSError as error:
        raise InputFileError(f"Cannot read the trial: {error.strerror}.", where=str(path)) from error
    except ValueError as error:
        raise InputFileError(f"Not valid Python: {error}.", where=str(path)) from error


def read_space(path: Path) -> SearchSpace:
    """Return the search space in a JSON file, ours or NNI's.

    Raises:
        InputFileError: If the file cannot be read.
        SpaceError: If it is not a valid space; names the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return nni.search_space_of(nni.read_space(text)) if nni.is_nni_space(text) else SearchSpace.from_json(text)
    except (OSError, UnicodeDecodeError) as error:
        raise InputFileError(f"Cannot read the search space: {error}.", where=str(path)) from error
    except SpaceError as error:
        raise SpaceError(f"{path}: {error.message}", hint=error.hint, violations=error.violations) from error
