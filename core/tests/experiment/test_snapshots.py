"""A saved state is handed to the version that made it only, and saving stays cheap however long the log."""

from __future__ import annotations

import pytest
from nascore.errors import UnsupportedError
from nascore.experiment.snapshots import is_due, sealed, unsealed
from nascore.tuner.session import Description

MAKER = Description("mine", "1.2")


@pytest.mark.parametrize("state", [b"", b"\n", b"\x00\xff\n\x80" * 3])
def test_state_comes_back_as_it_was(state):
    assert unsealed(sealed(state, MAKER), MAKER) == state


@pytest.mark.parametrize(
    ("stored", "sentence"),
    [
        (b"", "of a form that this nascore does not know"),
        (b"no header", "of a form"),
        (b'{"a": 1}\nstate', "of a form"),
        (b'[2, "mine", "1.2"]\nstate', "of a form"),
        (b"[[1], 2, 3]\nstate", "of a form"),
        (b"\xff\xfe\nstate", "of a form"),
        (b'[1, "mine", "1.1"]\nstate', "mine 1.1 made it, and the tuner is now mine 1.2"),
        (b'[1, "yours", ""]\nstate', "yours made it, and the tuner is now mine 1.2"),
    ],
)
def test_state_of_others_is_refused_with_who_made_it(stored, sentence):
    with pytest.raises(UnsupportedError, match=sentence):
        unsealed(stored, MAKER)


def test_state_is_saved_by_number_of_proposals_and_by_time():
    assert not is_due(asked=255, asked_before=0, elapsed_s=59.9)
    assert is_due(asked=256, asked_before=0, elapsed_s=0.0)
    assert is_due(asked=1, asked_before=0, elapsed_s=60.0)
    assert not is_due(asked=7, asked_before=7, elapsed_s=1e9)


def test_states_of_a_long_search_cost_a_constant_times_the_last_one():
    saved, total = 0, 0
    for asked in range(100_000):
        if is_due(asked=asked, asked_before=saved, elapsed_s=0.0):
            saved, total = asked, total + asked
    assert total <= 17 * 100_000
    assert 100_000 - saved <= 100_000 / 16
