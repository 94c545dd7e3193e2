"""The kit: runs the checks on a tuner, over gRPC and in this process, and reports what it found.

Deterministic: the same seed gives the same questions. Needs no running event loop, for it has one of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nascore.testing.conformance.check import CHECKS, HANDSHAKE
from nascore.testing.conformance.examination import Examination
from nascore.testing.conformance.report import Finding, Report
from nascore.testing.conformance.sitting import Sitting, is_hanging, ways_of
from nascore.tuner.address import endpoint
from nascore.tuner.contract import Tuner


def examine(
    tuner: str | type[Tuner[Any]],
    examination: Examination | None = None,
    *,
    on_finding: Callable[[Finding], None] | None = None,
) -> Report:
    """Run the checks on a tuner.

    Args:
        tuner: Name of an installed one (over gRPC and in process), ``exec:`` or ``grpc://`` address (over gRPC), or a
            class (in process).
        examination: How; all checks if not given.
        on_finding: Told every finding as it is made.

    Raises:
        InvalidInputError: The address is malformed.
        NotFoundError: No tuner of that name is installed.
    """
    chosen = examination or Examination()
    findings: list[Finding] = []
    label = ""
    if isinstance(tuner, str):
        endpoint(tuner, insecure=chosen.insecure)  # A wrong name is wrong also where none of its ways is wanted.
    for way in (way for way in ways_of(tuner) if way in chosen.ways):
        if any(map(is_hanging, findings)):
            break  # In this process nothing could end it.
        with Sitting(tuner, chosen, way=way) as sitting:
            for check in (check for check in CHECKS if not chosen.only or check.name in (*chosen.only, HANDSHAKE)):
                findings.append(sitting.find(check))
                if on_finding is not None:
                    on_finding(findings[-1])
            label = sitting.label() or label
    return Report(tuner if isinstance(tuner, str) else tuner.name, label, chosen.seed, tuple(findings))
