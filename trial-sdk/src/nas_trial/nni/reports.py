"""What a script says and asks while it runs, under NNI's names; without a trial it is shown and answered plainly.

Source: NNI's trial API, v0.5 to v3.0 (``get_next_parameter``, ``report_intermediate_result``, ``report_final_result``,
``get_experiment_id``, ``get_trial_id``, ``get_sequence_id``).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from nascore.errors import MetricError

from nas_trial.metrics import MetricValue, finite_metrics
from nas_trial.progress import metrics_text, write_line

_STANDALONE = "STANDALONE"
_DEFAULT = "default"


@dataclass(slots=True)
class ScriptRun:
    """One run of a script: a trial.

    Attributes:
        trial: Number of the trial.
        experiment: Id of the experiment.
        parameters: What is tried, as NNI gives it.
        objectives: Names of the metrics that are optimised; a metric without a name is the first.
        report: Takes a step and its metrics; raises ``Stopped`` to end the trial.
        steps: Reports so far.
        final: The trial's metrics, once they are reported.
    """

    trial: int
    experiment: str
    parameters: Mapping[str, object]
    objectives: tuple[str, ...]
    report: Callable[[int, Mapping[str, float]], None]
    steps: int = 0
    final: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class _Run:
    """What runs in this process.

    Attributes:
        current: The trial of a script.
        is_served: Whether ``nas.run`` or ``nas.connect`` gets the trials of this process.
    """

    current: ScriptRun | None = None
    is_served: bool = False


RUN = _Run()


def get_next_parameter() -> dict[str, object]:
    """Return what this trial tries; nothing without a trial, so that a script falls back on its own defaults."""
    run = _current()
    return {} if run is None else dict(run.parameters)


def report_intermediate_result(metric: object) -> None:
    """Report a metric on the way: a number, or a dictionary of which ``default`` is optimised.

    Raises:
        Stopped: The trial shall end; what was reported counts.
        MetricError: It is no number.
        NonFiniteError: It is NaN or infinite.
    """
    run = _current()
    if run is None:
        write_line(f"intermediate result: {_shown(metric)}")
        return
    run.steps += 1
    run.report(run.steps, _metrics(metric, run, where=f"intermediate result {run.steps}"))


def report_final_result(metric: object) -> None:
    """Report the trial's metric: a number, or a dictionary of which ``default`` is optimised.

    Raises:
        MetricError: It is no number.
        NonFiniteError: It is NaN or infinite.
    """
    run = _current()
    if run is None:
        write_line(f"final result: {_shown(metric)}")
        return
    run.final = _metrics(metric, run, where="final result")


def get_trial_id() -> str:
    """Return the number of the trial as text; ``STANDALONE`` without one."""
    run = _current()
    return _STANDALONE if run is None else str(run.trial)


def get_sequence_id() -> int:
    """Return the number of the trial; 0 without one."""
    run = _current()
    return 0 if run is None else run.trial


def get_experiment_id() -> str:
    """Return the id of the experiment; ``STANDALONE`` without one."""
    run = _current()
    return _STANDALONE if run is None else run.experiment


def _current() -> ScriptRun | None:
    if RUN.current is None and not RUN.is_served and os.environ.get("NASCORE_SERVER"):
        _become_worker()
    return RUN.current


def _become_worker() -> NoReturn:
    """Replaces this process, which ran a script before it knew its trial, by a worker that runs it for each trial."""
    script = os.path.abspath(sys.argv[0])  # noqa: PTH100  # not resolved: its folder is where it looks for modules
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", "nas_trial.nni", script, *sys.argv[1:]])  # noqa: S606  # no shell


def _metrics(metric: object, run: ScriptRun, *, where: str) -> dict[str, float]:
    objective = run.objectives[0] if run.objectives else _DEFAULT
    if not isinstance(metric, Mapping):
        return finite_metrics({objective: _number(metric)}, where=where, needed=run.objectives)
    if _DEFAULT not in metric and objective not in metric:
        raise MetricError(
            f"{where}: {metric!r:.200} has neither default nor {objective}, which is optimised.",
            hint='Report {"default": accuracy, ...}.',
        )
    named = {objective if name == _DEFAULT else str(name): _number(value) for name, value in metric.items()}
    return finite_metrics(named, where=where, needed=run.objectives)


def _number(value: object) -> MetricValue:
    """A metric as NNI took it: also a number written as text."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise MetricError(f"The metric is {value!r:.80}, not a number.", hint="Report a number.") from None
    return value  # type: ignore[return-value]  # what is no number is refused where the metrics are read


def _shown(metric: object) -> str:
    if isinstance(metric, Mapping) and all(isinstance(value, float | int) for value in metric.values()):
        return metrics_text({str(name): float(value) for name, value in metric.items()})
    return f"{metric:.6g}" if isinstance(metric, float | int) else f"{metric}"
