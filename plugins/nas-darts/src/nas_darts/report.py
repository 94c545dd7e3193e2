"""What is worth seeing of a search while it runs: how undecided it is, and how many skips it is about to take.

Many skips are the known way in which differentiable search collapses (Zela et al. 2020, arXiv:1909.09656).
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from nascore.record import JsonValue

from nas_darts.layout import Kind, Layout
from nas_darts.segments import Array


def report(layout: Layout, probabilities: Array, skip_keys: Collection[str]) -> dict[str, JsonValue]:
    """Return the mean entropy as a share of the largest possible, and how many choices would take a skip now.

    Args:
        layout: The decisions.
        probabilities: Of the mixed entries, flat.
        skip_keys: Keys of candidates that pass their input on.
    """
    choices = [row for row in layout.mixed_rows if row.kind is Kind.CHOICE]
    skips = 0
    for row in choices:
        searched = np.where(row.is_searched, probabilities[row.entries], -1.0)
        skips += row.names[int(np.argmax(searched))] in skip_keys
    sizes = layout.mixed.sizes
    largest = np.log(sizes[sizes > 1])
    entropy = layout.mixed.entropy(probabilities)[sizes > 1]
    mean = float(np.mean(entropy / largest)) if len(largest) else 0.0
    return {"entropy": round(mean, 6), "skips": skips, "choices": len(choices)}
