"""The trust report as a table."""

import pytest
from nascore.cli.trusttable import trust_table
from nascore.record import Direction, Objective
from nascore.record.trust import Baseline, TrustReport
from rich.console import Console

ONE = Baseline(trial=3, value=0.9, chosen_by=0.9, device_seconds=2.0)


def shown(**found: Baseline) -> str:
    none: dict[str, Baseline | None] = dict.fromkeys(("derived", "random", "largest", "skip"))
    report = TrustReport(
        objective=Objective("accuracy", Direction.MAXIMIZE),
        metric="accuracy",
        **(none | found),
        search_seconds=1.0,
        tau=None,
        tau_count=0,
        failed=0,
        is_exhaustive=False,
        is_complete=True,
    )
    console = Console(width=100)
    with console.capture() as capture:
        console.print(trust_table(report))
    return capture.get()


def test_without_baselines_there_are_no_rows_of_dashes() -> None:
    text = shown(derived=ONE)
    assert "derived by the search" in text
    assert " - " not in text
    assert "random" not in text


@pytest.mark.parametrize("name", ["random", "largest", "skip"])
def test_one_baseline_shows_which_others_are_missing(name: str) -> None:
    text = shown(derived=ONE, **{name: ONE})
    assert all(each in text for each in ("random", "all-largest", "all-skip"))
    assert text.count("0.9") == 2
