"""Seeds are the published function of experiment seed and number, and purposes do not collide."""

import hashlib

from nascore.record import proposal_seed, trial_seed


def test_seeds_follow_the_published_formula() -> None:
    text = b"nascore.v1.proposal" + (5).to_bytes(8, "big") + (7).to_bytes(8, "big")
    assert proposal_seed(5, 7) == int.from_bytes(hashlib.sha256(text).digest()[:8], "big")


def test_known_values_stay() -> None:
    # Written down once: changing them would break the continuation of every stored experiment.
    assert proposal_seed(0, 0) == 4408497388936708102
    assert trial_seed(0, 0) == 15103578243750073606


def test_purposes_and_numbers_differ() -> None:
    seeds = {kind(seed, number) for kind in (proposal_seed, trial_seed) for seed in range(20) for number in range(20)}
    assert len(seeds) == 800
