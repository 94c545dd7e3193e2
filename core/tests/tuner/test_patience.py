"""Patience ends with one deadly event, not with many small ones."""

from __future__ import annotations

import pytest
from nascore.errors import SettingsError
from nascore.tuner.limits import HostLimits
from nascore.tuner.patience import Patience


def test_fifth_death_on_the_same_event_is_the_last() -> None:
    patience = Patience(HostLimits())
    for _ in range(4):
        assert not patience.died("ask of trial 3", "It fell.")
        # Success elsewhere does not make up for it.
        patience.lived("tell of trial 2")
    assert patience.verdict == ""
    assert patience.died("ask of trial 3", "It fell.")
    assert patience.verdict == "Quarantined after 5 deaths on the same event. It fell."
    assert not patience.died("ask of trial 3", "It fell.")


def test_deaths_on_different_events_and_forgiven_ones_do_not_add_up() -> None:
    patience = Patience(HostLimits())
    for number in range(100):
        assert not patience.died(f"ask of trial {number}", "It fell.")
        assert not patience.died("tell", "It fell.")
        patience.lived("tell")
    assert patience.verdict == ""


def test_delay_doubles_up_to_its_limit_until_something_succeeds() -> None:
    patience = Patience(HostLimits(backoff_s=0.1, max_backoff_s=1.0))
    delays = [patience.delay_s()]
    for number in range(2000):
        patience.died(f"ask of trial {number}", "It fell.")
        delays.append(patience.delay_s())
    assert delays[:7] == [0.0, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert max(delays) == 1.0
    patience.lived("ask of trial 3")
    assert patience.delay_s() == 0.0


@pytest.mark.parametrize("field", ["memory_bytes", "ask_timeout_s", "max_deaths"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf")])
def test_limits_must_be_above_zero_and_finite(field: str, value: float) -> None:
    with pytest.raises(SettingsError, match=f"{field}: "):
        HostLimits(**{field: value})  # type: ignore[arg-type]  # wrong on purpose
