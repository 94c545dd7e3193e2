"""How fast parameters move: the published learning rates, and what becomes of them on short schedules.

A published rate belongs to a published schedule. 3e-4 over the 50 epochs of 391 batches of DARTS lets Adam carry a
parameter about 6 far; over 100 batches the same rate carries it 0.03 far, all softmaxes stay flat, and what is derived
hangs on noise. A rate that nobody gave is therefore raised on schedules of fewer steps, so that they reach as far.
"""

from __future__ import annotations

REACH = 6.0
"""How far Adam carries a parameter that always moves the same way, over the published schedule of DARTS."""
FASTEST = 0.1
"""The largest rate that a short schedule is given."""


def paced(published: float, *, steps: int) -> float:
    """Return the published rate, or the one with which so many steps reach as far as the published ones.

    Args:
        published: The published learning rate of Adam.
        steps: Steps of the parameters over the whole schedule.
    """
    return max(published, min(FASTEST, REACH / max(1, steps)))
