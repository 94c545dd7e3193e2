"""NaN, infinities and numbers at their corners: through engine, log, wire, JSON and screen, and never to a tuner."""

import io
import json
import math
import os
import socket
from pathlib import Path

import pytest
from nascore.cli.progress.live import LiveReporter
from nascore.cli.progress.tally import Tally
from nascore.cli.tables import trials_table
from nascore.errors import InvalidInputError, MetricError
from nascore.experiment import Engine, Experiments
from nascore.journal import Holder
from nascore.record import ExperimentSpec, Outcome, OutcomeStatus, Proposal
from nascore.record.jsonform import experiment_to_json, trial_to_json
from nascore.record.wire import json_object_from_text, metrics_from_messages, trial_from_message, trial_to_message
from nascore.testing.fuzz.corners import REALS
from nascore.testing.fuzz.requests import SPACE
from nascore.testing.fuzz.service import Sampler, connect_sampler
from nascore.v1 import tuner_pb2
from rich.console import Console

FINITE = tuple(number for number in REALS if math.isfinite(number))
NOT_FINITE = tuple(number for number in REALS if not math.isfinite(number))


async def opened(database: Path) -> Experiments:
    holder = Holder(os.getpid(), socket.gethostname())
    return await Experiments.open(str(database), holder=holder, connect=connect_sampler)


async def finish(engine: Engine, name: str, **metrics: float) -> int:
    lease = (await engine.lease("w", f"lease-{name}")).lease
    assert lease is not None
    outcome = Outcome(OutcomeStatus.COMPLETED, metrics)
    await engine.finish("w", lease.trial, lease.epoch, f"finish-{name}", outcome=outcome)
    return lease.trial


async def test_every_corner_keeps_pages_json_and_log_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Outcome] = []

    def tell(self: Sampler, proposal: Proposal, outcome: Outcome) -> None:
        told.append(outcome)

    monkeypatch.setattr(Sampler, "tell", tell)
    experiments = await opened(tmp_path / "log.db")
    engine = await experiments.create(ExperimentSpec("sampler", seed=1, space=SPACE), request_id="c")
    for place, number in enumerate(REALS):
        await finish(engine, f"both-{place}", accuracy=number, loss=number)
        await finish(engine, f"side-{place}", accuracy=0.5, loss=number)
    await engine.lease("w", "so that the tuner is told the last outcome")
    trials, best = engine.trials(), engine.best(100)
    record = engine.record()
    await experiments.close()
    experiments = await opened(tmp_path / "log.db")
    assert experiments.get("last").trials() == trials
    await experiments.close()
    assert len(told) == 2 * len(REALS)
    assert all(math.isfinite(value) for outcome in told for value in outcome.metrics.values())
    assert sum(outcome.status is OutcomeStatus.NON_FINITE for outcome in told) == len(NOT_FINITE)
    assert len(best) == len(FINITE) + len(REALS)
    for trial in trials:
        assert "NaN" not in json.dumps(trial_to_json(trial), allow_nan=False)
        assert trial_from_message(trial_to_message(trial)) == trial
    json.dumps(experiment_to_json(record), allow_nan=False)
    check_screen(record, trials)


def check_screen(record, trials) -> None:  # type: ignore[no-untyped-def]
    tally = Tally(lambda: 0.0)
    reporter = LiveReporter(tally, workers=2)
    tally.take_record(record)
    for trial in trials:
        reporter.take(record, trial)
    screen = io.StringIO()
    console = Console(file=screen, width=120)
    console.print(reporter.render())
    console.print(reporter.render_end())
    console.print(trials_table(trials, record.spec.objectives, now=1.0))
    # It is said why a trial failed; where numbers stand, there are none that are none.
    assert "nan" not in screen.getvalue().lower().replace("accuracy is nan", "")


@pytest.mark.parametrize("number", NOT_FINITE)
async def test_a_report_that_is_no_number_is_refused_with_the_remedy(tmp_path: Path, number: float) -> None:
    experiments = await opened(tmp_path / "log.db")
    engine = await experiments.create(ExperimentSpec("sampler", seed=1, space=SPACE), request_id="c")
    lease = (await engine.lease("w", "l")).lease
    assert lease is not None
    with pytest.raises(MetricError, match="not a finite number") as caught:
        await engine.report("w", lease.trial, lease.epoch, "r", step=1, metrics={"accuracy": number})
    assert "NON_FINITE" in caught.value.hint
    assert engine.trial(lease.trial).reports == ()
    await experiments.close()


@pytest.mark.parametrize("number", NOT_FINITE)
def test_the_wire_refuses_what_is_no_number(number: float) -> None:
    with pytest.raises(MetricError, match="NON_FINITE"):
        metrics_from_messages([tuner_pb2.Metric(name="a", value=number)], "metrics")


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": [Infinity]}', '{"a": 1e999}', '{"a": ' + "9" * 400 + "}"])
def test_settings_and_notes_hold_numbers_that_can_be_written_again(text: str) -> None:
    with pytest.raises(InvalidInputError, match="notes_json: not valid JSON"):
        json_object_from_text(text, "notes_json")
