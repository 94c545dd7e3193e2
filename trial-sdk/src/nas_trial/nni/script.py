"""A script as a trial: it is run from its first line to its last, and what it reports is the outcome.

Not here: where trials come from (``scriptworker``).
"""

from __future__ import annotations

import os
import runpy
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nascore.errors import MetricError
from nascore.record import Lease, Outcome, OutcomeStatus
from nascore.space import SearchSpace

from nas_trial.attempt import Attempt, check_supported, seed_generators
from nas_trial.failures import outcome_of
from nas_trial.nni import reports
from nas_trial.nni.parameters import parameters_of
from nas_trial.training import Report
from nas_trial.trial import Trial


class ScriptTrial(Trial):
    """A script that is run once for each trial, each time in a process of its own.

    Args:
        path: The script.
        arguments: What it is called with.

    Attributes:
        space: What trials choose from; set before the first.
    """

    # Each process ends with its trial, so none is worth keeping for the sake of its GPU.
    device = "cpu"

    def __init__(self, path: Path, arguments: tuple[str, ...] = ()) -> None:
        self.path = path
        self.arguments = arguments
        self.space = SearchSpace(())

    def carry_out(self, lease: Lease, *, objectives: tuple[str, ...], report: Report) -> Attempt:
        """Run the script in this process; whatever it raises becomes the outcome.

        Args:
            lease: What is tried, and the seed.
            objectives: Names of the metrics that are optimised.
            report: Takes metrics on the way; raises ``Stopped`` to end the trial.
        """
        started = time.monotonic()
        reported: dict[str, float] = {}

        def recorded(step: int, metrics: Mapping[str, float]) -> None:
            reported.update(metrics)
            report(step, metrics)

        try:
            run = self._begin(lease, objectives, recorded)
            self._run()
            outcome = _outcome(run)
        except (Exception, SystemExit) as error:
            # The border of the user's code: its every failure is an outcome.
            outcome = outcome_of(error, metrics=reported)
        return Attempt(replace(outcome, duration_s=time.monotonic() - started))

    def _begin(self, lease: Lease, objectives: tuple[str, ...], report: Report) -> reports.ScriptRun:
        # Imported here and not above: compiled code imports this module while it opens its program.
        from nas_trial.annotated.choices import from_architecture  # noqa: PLC0415
        from nas_trial.annotated.program import TRIAL  # noqa: PLC0415

        architecture = check_supported(lease.proposal)
        seed_generators(lease.seed)
        TRIAL.source = from_architecture(architecture)
        reports.RUN.current = reports.ScriptRun(
            trial=lease.trial,
            experiment=os.environ.get("NASCORE_EXPERIMENT", ""),
            parameters=parameters_of(self.space, architecture),
            objectives=objectives,
            report=report,
        )
        return reports.RUN.current

    def _run(self) -> None:
        provide_nni()
        run_as_main(self.path, self.arguments)


def provide_nni() -> None:
    """From now on, have ``import nni`` give the names of ``nas_trial.nni``."""
    sys.modules["nni"] = sys.modules["nas_trial.nni"]


def run_as_main(path: Path, arguments: tuple[str, ...]) -> None:
    """Run a script as ``python SCRIPT ARGUMENTS`` would.

    Raises:
        SystemExit: It ended with another code than 0.
    """
    sys.argv[:] = [str(path), *arguments]
    sys.path[0] = str(path.absolute().parent)
    try:
        runpy.run_path(str(path), run_name="__main__")
    except SystemExit as ended:
        if ended.code not in (None, 0):
            raise


def _outcome(run: reports.ScriptRun) -> Outcome:
    if not run.final:
        raise MetricError(
            "The script ended without a final result.",
            hint="Call nni.report_final_result(accuracy), or write the annotation of that name.",
        )
    return Outcome(OutcomeStatus.COMPLETED, metrics=run.final)
