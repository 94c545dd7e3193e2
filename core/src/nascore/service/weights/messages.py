"""What the weight service takes and answers, as messages: checked on the way in, and never too large.

Not here: pieces of blobs (``nascore.weights.chunk_wire``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from nascore.errors import InvalidInputError, StateError
from nascore.service import checks
from nascore.v1 import tensor_pb2, weights_pb2
from nascore.weights import Damage, Lineage, MissingBlobsError, MovedNameError, Page, Reference, Relative
from nascore.weights.contract import STALE_AFTER_S
from nascore.weights.inheritance import Wanted
from nascore.weights.manifest import MAX_TENSORS, is_checkpoint, is_digest

MAX_STAT = 10_000
MAX_DEPTH = 1000
MAX_PARENTS = 64
MAX_INLINE_MANIFEST = 3 << 20
"""Bytes of the largest manifest that travels in a message."""
_DEFAULT_DEPTH = 16
_MOST_DIGESTS = 15
_MOST_METRICS = 5_000
"""Metrics of all ancestors, and of all descendants; a message has to hold both."""
_MOST_NEEDING = 50_000
_TYPE = "DATA_TYPE_"


def checkpoint(value: str, field: str = "checkpoint") -> str:
    """Return an id of a checkpoint.

    Raises:
        InvalidInputError: It is none.
    """
    if not is_checkpoint(value):
        raise InvalidInputError(f"{field}: {value!r:.80} is no id of a checkpoint; those have 32 hexadecimal digits.")
    return value


def digest(value: str, field: str) -> str:
    """Return a digest.

    Raises:
        InvalidInputError: It is none.
    """
    if not is_digest(value):
        raise InvalidInputError(f"{field}: {value!r:.80} is no digest; those have 64 hexadecimal digits.")
    return value


def trial(value: int, field: str = "trial") -> int:
    """Return a trial's number that fits a manifest."""
    return checks.count(value, field, least=0, most=2**53 - 1)


def depth(value: int) -> int:
    """Return how many generations are asked for."""
    return checks.count(value, "depth", least=0, most=MAX_DEPTH) or _DEFAULT_DEPTH


def stale_after(request: weights_pb2.CollectRequest) -> float:
    """Return the age from which uploads are removed, in seconds."""
    value = request.stale_after_s if request.HasField("stale_after_s") else STALE_AFTER_S
    if not (math.isfinite(value) and value >= 0):
        raise InvalidInputError(f"stale_after_s: {value} is not a number of seconds from 0 on.")
    return value


def wanted(messages: Sequence[weights_pb2.TensorSpec]) -> list[Wanted]:
    """Return the tensors that are wanted.

    Raises:
        InvalidInputError: There are none or too many, or one has an unknown element type.
    """
    checks.count(len(messages), "tensors", most=MAX_TENSORS)
    return [Wanted(spec.key, _dtype(spec.data_type, spec.key), tuple(spec.shape)) for spec in messages]


def _dtype(number: int, key: str) -> str:
    if not number or number not in tensor_pb2.DataType.values():
        raise InvalidInputError(f"tensor {key!r:.80}: {number} is not the number of an element type.")
    return tensor_pb2.DataType.Name(number).removeprefix(_TYPE)


def page_message(page: Page) -> weights_pb2.ListCheckpointsResponse:
    """Return the message of a page."""
    return weights_pb2.ListCheckpointsResponse(
        checkpoints=[
            weights_pb2.CheckpointSummary(
                checkpoint=one.checkpoint,
                experiment=one.experiment,
                trial=one.trial,
                size=one.size,
                metrics=_metrics(one.metrics),
                is_pinned=one.is_pinned,
                committed_at=one.at,
            )
            for one in page.checkpoints
        ],
        next_page_token=page.after,
    )


def lineage_message(lineage: Lineage) -> weights_pb2.GetLineageResponse:
    """Return the message of a lineage."""
    return weights_pb2.GetLineageResponse(
        ancestors=_relatives(lineage.ancestors), descendants=_relatives(lineage.descendants)
    )


def _relatives(relatives: Sequence[Relative]) -> list[weights_pb2.Relative]:
    found, told = [], 0
    for one in relatives:
        told += len(one.metrics)
        is_told = told <= _MOST_METRICS
        found.append(
            weights_pb2.Relative(
                checkpoint=one.checkpoint,
                distance=one.distance,
                is_released=one.is_released,
                trial=one.trial if is_told else None,
                metrics=_metrics(one.metrics) if is_told else (),
            )
        )
    return found


def _metrics(metrics: Mapping[str, float]) -> list[weights_pb2.CheckpointMetric]:
    return [weights_pb2.CheckpointMetric(name=name, value=value) for name, value in metrics.items()]


def damage_message(damage: Damage) -> weights_pb2.VerifyResponse:
    """Return the message of a damage."""
    return weights_pb2.VerifyResponse(
        place=damage.place, what=damage.what, checkpoints=damage.checkpoints[:_MOST_NEEDING], lost=damage.lost
    )


def names_message(references: Sequence[Reference]) -> weights_pb2.ListNamesResponse:
    """Return the message of names."""
    return weights_pb2.ListNamesResponse(
        names=[
            weights_pb2.NamedCheckpoint(name=one.name, checkpoint=one.checkpoint, etag=one.etag) for one in references
        ]
    )


def with_facts(error: StateError) -> StateError:
    """Return an error of a commit with what its caller needs to go on: the digests that fit, or the etag."""
    if isinstance(error, MissingBlobsError):
        error.facts = {"missing": str(len(error.missing)), "digests": " ".join(error.missing[:_MOST_DIGESTS])}
    elif isinstance(error, MovedNameError):
        error.facts = {"etag": error.etag}
    return error
