"""What is lost with damaged files: which checkpoints need them, and how many bytes of tensors are in them.

Not here: finding the damages (``verification``, ``objects.verification``).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from nascore.weights.answers import Damage

_BLOBS = "SELECT id, digest, size FROM blobs WHERE refs > 0 AND digest IN (SELECT value FROM json_each(?))"
_NEEDING = (
    "SELECT name, blob FROM checkpoint_blobs JOIN checkpoints ON checkpoint = checkpoints.id "
    "WHERE blob IN (SELECT value FROM json_each(?)) ORDER BY checkpoint"
)


def told_with_losses(
    connection: sqlite3.Connection, damages: Sequence[Damage], contents: Mapping[str, Sequence[str]]
) -> Iterator[Damage]:
    """Yield damages with what is lost by them; those that say so already as they are.

    Args:
        connection: The index.
        damages: What was found.
        contents: The digests of the blobs in the damaged files, by place.
    """
    place_of = {digest: place for place, digests in contents.items() for digest in digests}
    blobs = connection.execute(_BLOBS, (json.dumps(list(place_of)),)).fetchall()
    lost = dict.fromkeys(contents, 0)
    for _, digest, size in blobs:
        lost[place_of[digest]] += size
    needing = _needing(connection, {blob: place_of[digest] for blob, digest, _ in blobs})
    for damage in damages:
        if damage.place not in contents:
            yield damage
        else:
            named = tuple(needing.get(damage.place, ()))
            yield replace(damage, checkpoints=named, lost=lost[damage.place])


def _needing(connection: sqlite3.Connection, place_of: Mapping[int, str]) -> dict[str, dict[str, None]]:
    """Return the checkpoints that name blobs, oldest first, by place; looked through once, whatever is damaged."""
    found: dict[str, dict[str, None]] = {}
    for name, blob in connection.execute(_NEEDING, (json.dumps(list(place_of)),)):
        found.setdefault(place_of[blob], {})[name] = None
    return found
