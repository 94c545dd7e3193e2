"""A loop of the user's own refuses what it cannot train, in one sentence."""

import pytest
from nas_trial.session_trial import _one_architecture
from nascore.errors import UnsupportedError
from nascore.record import Proposal, Task


def test_a_one_shot_search_is_refused_with_what_to_write_instead():
    with pytest.raises(UnsupportedError, match="Trial 3 is a one-shot search") as refused:
        _one_architecture(Proposal(3, task=Task.SEARCH))
    assert "nas.Trial" in refused.value.hint
