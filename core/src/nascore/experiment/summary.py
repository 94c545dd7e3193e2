"""The summary of an experiment: what a list of experiments shows of it, kept beside its log.

A summary is a cache of the log, never the truth. It says which entry was the log's last one, so one that the log has
left behind is not used; nor is one that was damaged, or that another nascore wrote. Not here: who asks (``overview``).
"""

from __future__ import annotations

import json
import secrets
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nascore.experiment.state import State
from nascore.journal.contract import Entry
from nascore.record import EndReason, ExperimentRecord, ExperimentState, TrialRecord, TrialState
from nascore.record.jsonform import (
    outcome_from_json,
    outcome_to_json,
    proposal_from_json,
    proposal_to_json,
    report_from_json,
    report_to_json,
    spec_from_json,
    spec_to_json,
)

SUMMARY_NAME = "summary.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Summary:
    """An experiment and the best of it.

    Attributes:
        record: The experiment and its numbers.
        best: Its best trial, or its Pareto front; empty where none succeeded.
    """

    record: ExperimentRecord
    best: tuple[TrialRecord, ...]


def summary_of(state: State) -> Summary:
    """Return the summary of a state."""
    return Summary(state.record(), state.best(1))


def keep(folder: Path, summary: Summary, last: Entry) -> None:
    """Write a summary beside the log whose last entry is ``last``; where that cannot be, it is left undone."""
    body = json.dumps([_mark(last), _to_json(summary)], separators=(",", ":"))
    text = json.dumps({"format": FORMAT, "checksum": zlib.crc32(body.encode()), "body": body})
    fresh = folder / f".{SUMMARY_NAME}.{secrets.token_hex(4)}"
    with suppress(OSError):
        try:
            fresh.touch(0o600)
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(folder / SUMMARY_NAME)
        finally:
            fresh.unlink(missing_ok=True)


def kept(folder: Path, last: Entry) -> Summary | None:
    """Return the summary that was kept when ``last`` was the last entry; ``None`` if there is none of use."""
    # Whatever is wrong with it, the log is read instead.
    with suppress(OSError, LookupError, TypeError, ValueError, AttributeError, RecursionError):
        stored = json.loads((folder / SUMMARY_NAME).read_bytes())
        if stored["format"] == FORMAT and stored["checksum"] == zlib.crc32(stored["body"].encode()):
            mark, data = json.loads(stored["body"])
            if mark == _mark(last):
                return _from_json(data)
    return None


def _mark(last: Entry) -> list[int | float]:
    return [last.seq, last.checksum, last.time, last.elapsed_s]


def _to_json(summary: Summary) -> dict[str, Any]:
    record = summary.record
    return {
        "id": record.id,
        "spec": spec_to_json(record.spec),
        "state": record.state.value,
        "end_reason": record.end_reason and record.end_reason.value,
        "trouble": record.trouble,
        "created_at": record.created_at,
        "elapsed_s": record.elapsed_s,
        "counts": {state.value: count for state, count in record.counts.items()},
        "seq": record.seq,
        "best": [_trial_to_json(trial) for trial in summary.best],
    }


def _from_json(data: dict[str, Any]) -> Summary:
    record = ExperimentRecord(
        id=data["id"],
        spec=spec_from_json(data["spec"]),
        state=ExperimentState(data["state"]),
        end_reason=data["end_reason"] and EndReason(data["end_reason"]),
        trouble=data["trouble"],
        created_at=data["created_at"],
        elapsed_s=data["elapsed_s"],
        counts={TrialState(state): count for state, count in data["counts"].items()},
        seq=data["seq"],
    )
    return Summary(record, tuple(_trial_from_json(trial) for trial in data["best"]))


_PLAIN = ("attempt", "epoch", "worker", "checkpoint", "created_at", "started_at", "finished_at", "is_enqueued")


def _trial_to_json(trial: TrialRecord) -> dict[str, Any]:
    assert trial.outcome is not None, "the best trials have ended"
    return {
        "state": trial.state.value,
        "proposal": proposal_to_json(trial.proposal),
        "outcome": outcome_to_json(trial.outcome),
        "reports": [report_to_json(report) for report in trial.reports],
        **{name: getattr(trial, name) for name in _PLAIN},
    }


def _trial_from_json(data: dict[str, Any]) -> TrialRecord:
    proposal = proposal_from_json(data["proposal"])
    return TrialRecord(
        proposal.number,
        TrialState(data["state"]),
        proposal,
        outcome=outcome_from_json(data["outcome"]),
        reports=tuple(report_from_json(report) for report in data["reports"]),
        **{name: data[name] for name in _PLAIN},
    )
