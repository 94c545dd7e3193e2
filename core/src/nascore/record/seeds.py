"""Seeds from one experiment seed: counted, not drawn, so that a restart continues the very same sequence."""

from __future__ import annotations

import hashlib
import struct

_PACK = struct.Struct(">QQ").pack
_PROPOSAL = hashlib.sha256(b"nascore.v1.proposal")
_TRIAL = hashlib.sha256(b"nascore.v1.trial")


def proposal_seed(experiment_seed: int, number: int) -> int:
    """Return H(experiment seed, number): the seed of proposal ``number``, an unsigned 64-bit integer.

    H is the first eight bytes, big-endian, of SHA-256 over the text ``nascore.v1.proposal`` followed by both numbers as
    big-endian unsigned 64-bit integers.
    """
    return _derive(_PROPOSAL, experiment_seed, number)


def trial_seed(experiment_seed: int, number: int) -> int:
    """Return the seed of the generators of trial ``number``; as ``proposal_seed`` over ``nascore.v1.trial``."""
    return _derive(_TRIAL, experiment_seed, number)


def _derive(prefix: hashlib._Hash, experiment_seed: int, number: int) -> int:
    digest = prefix.copy()
    digest.update(_PACK(experiment_seed, number))
    return int.from_bytes(digest.digest()[:8], "big")
