"""The one place where the SDK writes to standard output: progress of a trial, one line at a time."""

from __future__ import annotations

import sys
from collections.abc import Mapping


def write_line(text: str) -> None:
    """Write a line, and show it at once; an output that is closed, full or missing is no reason to end a trial."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except (OSError, ValueError):
        return


def metrics_text(metrics: Mapping[str, float]) -> str:
    """Return metrics as people read them: ``accuracy 0.9312  loss 0.21``."""
    return "  ".join(f"{name} {value:.6g}" for name, value in metrics.items())
