"""Parcels: what a worker has to tell the server about a trial, in the form in which it is kept and sent again.

A parcel has its request id from the beginning, so the server takes it once however often it is sent. Not here: where
parcels are kept (``nascore.launch.spool.file``) and who sends them (the workers' SDK).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from nascore.record import Outcome
from nascore.record.jsonform import outcome_from_json


class ParcelKind(StrEnum):
    """What is told: metrics on the way, or the end of a trial."""

    REPORT = "report"
    OUTCOME = "outcome"


@dataclass(frozen=True, slots=True)
class Parcel:
    """One thing to tell.

    Attributes:
        kind: What it is.
        request_id: The same over all tries and all processes that send it.
        trial: Number of the trial.
        epoch: Fencing number of the lease under which it was made.
        content: The rest, as JSON.
    """

    kind: ParcelKind
    request_id: str
    trial: int
    epoch: int
    content: Mapping[str, Any]

    @property
    def lease(self) -> tuple[int, int]:
        """Trial and epoch: what the server checks it against."""
        return self.trial, self.epoch

    @property
    def outcome(self) -> Outcome:
        """The outcome in a parcel of that kind."""
        return outcome_from_json(self.content["outcome"])


def parcel_to_json(parcel: Parcel) -> dict[str, Any]:
    """Return a parcel as JSON."""
    return {
        "kind": parcel.kind.value,
        "request_id": parcel.request_id,
        "trial": parcel.trial,
        "epoch": parcel.epoch,
        "content": dict(parcel.content),
    }


def parcel_from_json(data: Mapping[str, Any]) -> Parcel:
    """Return the parcel of a JSON object.

    Raises:
        KeyError, TypeError, ValueError: It is none.
    """
    kind, content = ParcelKind(data["kind"]), data["content"]
    needed = ("step", "metrics") if kind is ParcelKind.REPORT else ("outcome", "checkpoint", "is_retryable")
    if missing := [key for key in needed if key not in content]:
        raise ValueError(f"A {kind.value} without {', '.join(missing)}.")
    parcel = Parcel(kind, str(data["request_id"]), int(data["trial"]), int(data["epoch"]), content)
    if kind is ParcelKind.OUTCOME:
        # Read here, so that what cannot be read is found when the file is opened.
        outcome_from_json(content["outcome"])
    return parcel
