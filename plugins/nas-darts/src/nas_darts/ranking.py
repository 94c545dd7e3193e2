"""The most probable combinations of independent choices, best first.

Each choice offers values with scores, best first; a combination's score is their sum. The best combination is known;
each other one is reached from exactly one better one, so a heap yields them in order without listing all.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence


def best_first(scores: Sequence[Sequence[float]]) -> Iterator[tuple[int, ...]]:
    """Yield combinations of ranks, one rank a choice, by falling sum of scores.

    Args:
        scores: Scores of each choice, falling.
    """
    start = (0,) * len(scores)
    waiting: list[tuple[float, tuple[int, ...], int]] = [(0.0, start, 0)]
    while waiting:
        loss, ranks, last = heapq.heappop(waiting)
        yield ranks
        # Only the last raised choice and those after it are raised further: so each combination has one way to it.
        for place in range(last, len(scores)):
            rank = ranks[place] + 1
            if rank < len(scores[place]):
                step = scores[place][rank - 1] - scores[place][rank]
                heapq.heappush(waiting, (loss + step, (*ranks[:place], rank, *ranks[place + 1 :]), place))
