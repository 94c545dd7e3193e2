"""The trust report on the screen: a table, and the warnings below it."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from nascore.cli.screen import printable, show
from nascore.cli.tables import table_of
from nascore.record import ExperimentRecord, Mode, TrialRecord
from nascore.record.trust import Baseline, TrustReport, note_of, trust_report, warnings_of


def show_trust(record: ExperimentRecord, trials: tuple[TrialRecord, ...]) -> None:
    """Print the trust report of a one-shot experiment; nothing for another."""
    if record.spec.mode is not Mode.ONE_SHOT:
        return
    report = trust_report(record, trials)
    show(trust_table(report))
    if report.tau is not None:
        show(f"Kendall's tau of supernet and stand-alone scores: {report.tau:.2f} over {report.tau_count} networks")
    if note := note_of(report):
        show(f"Note: {note}")
    warnings = warnings_of(report)
    for warning in warnings:
        show(Text.assemble(("Warning: ", "bold yellow"), printable(warning)))
    if not warnings:
        show(Text("The derived network beats all of them.", style="green"))


def trust_table(report: TrustReport) -> Table:
    """Return the table of a report; without baselines only the derived network stands in it."""
    table = table_of("network", report.metric, "trial", "device-seconds")
    rows: list[tuple[str, Baseline | None, float]] = [
        ("derived by the search", report.derived, report.device_seconds),
        (_random_name(report), report.random, 0.0),
        ("all-largest", report.largest, 0.0),
        ("all-skip", report.skip, 0.0),
    ]
    has_baselines = any(baseline is not None for _, baseline, _ in rows[1:])
    for name, baseline, seconds in rows if has_baselines else rows[:1]:
        if baseline is None:
            table.add_row(name, "-", "-", "-")
        else:
            cost = seconds or baseline.device_seconds
            table.add_row(name, f"{baseline.value:.4g}", str(baseline.trial), f"{cost:.1f}")
    return table


def _random_name(report: TrustReport) -> str:
    return "best of random" if report.random is None else f"best of {report.random.count} random"
