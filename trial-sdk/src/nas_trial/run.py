"""``nas.run``: the one line at the end of a trial file, which becomes what the environment asks for."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from nascore.errors import SettingsError

from nas_trial import export
from nas_trial.annotated.declared import declare
from nas_trial.hub.fitting import with_space
from nas_trial.space_file import required, write_space
from nas_trial.standalone import run_standalone
from nas_trial.trial import Trial, check_trial
from nas_trial.worker import work


def run(trial: Trial) -> None:
    """Run a trial file: as a worker under ``nascore run``, or its default architecture without a server.

    Write it below ``if __name__ == "__main__":``. A worker ends the process if it did not end well.

    Raises:
        InvalidInputError: ``trial`` is no ``nas.Trial``.
        SettingsError: The environment asks for something unknown.
    """
    check_trial(trial, "nas.run")
    declare(trial)
    # Asked for through NVML, which starts no CUDA, so that trials can be forked after the question.
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    with_space(trial, os.environ)
    task = os.environ.get("NASCORE_TASK", "")
    if task == "space":
        write_space(trial.build, os.environ)
    elif task == "export":
        export.run_export(trial, Path(required(os.environ, "NASCORE_REQUEST")))
    elif task:
        raise SettingsError(f"NASCORE_TASK is {task!r}; it must be space or export.")
    elif os.environ.get("NASCORE_SERVER"):
        if code := work(trial, os.environ):
            sys.exit(code)
    else:
        run_standalone(trial)
