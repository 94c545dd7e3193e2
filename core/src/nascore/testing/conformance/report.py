"""The report of an examination: a finding for every check, as values, text and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from nascore.record import JsonValue
from nascore.testing.conformance.check import Check
from nascore.testing.conformance.subject import Way


class Verdict(StrEnum):
    """What came of a check."""

    KEPT = "kept"
    BROKEN = "broken"
    NEEDLESS = "needless"
    SKIPPED = "skipped"
    UNREACHED = "not reached"


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one check.

    Attributes:
        check: The check.
        way: How the tuner was spoken to.
        verdict: What came of it.
        sentence: What was wrong, or why it was not looked at; empty if all is well.
        printed: What its process had printed last when something was wrong, line by line; empty if nothing.
    """

    check: Check
    way: Way
    verdict: Verdict
    sentence: str = ""
    printed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What came of an examination.

    Attributes:
        tuner: Name or address of the tuner.
        label: Name and version as it gives them itself; empty if it did not come to that.
        seed: Seed of the examination.
        findings: In the order in which they were found.
    """

    tuner: str
    label: str
    seed: int
    findings: tuple[Finding, ...]

    @property
    def broken(self) -> tuple[Finding, ...]:
        """What was wrong."""
        return tuple(finding for finding in self.findings if finding.verdict is Verdict.BROKEN)

    @property
    def conforms(self) -> bool:
        """Whether nothing was wrong."""
        return not self.broken

    def count(self, verdict: Verdict) -> int:
        """Return how many checks came to a verdict."""
        return sum(finding.verdict is verdict for finding in self.findings)

    def to_json(self) -> dict[str, JsonValue]:
        """Return the report as JSON values."""
        return {
            "tuner": self.tuner,
            "label": self.label,
            "seed": self.seed,
            "conforms": self.conforms,
            "findings": [_finding(finding) for finding in self.findings],
        }


def text_of(finding: Finding) -> str:
    """Return what was wrong, why it matters, how to mend it, and what the tuner printed, each on lines of its own."""
    check = finding.check
    head = f"{check.name} ({finding.way.value}): {finding.sentence}"
    lines = [head, f"  Why it matters: {check.why}", f"  How to mend it: {check.mend}"]
    if finding.printed:
        lines += ["  It printed last:", *(f"    {line}" for line in finding.printed)]
    return "\n".join(lines)


def markdown_row(report: Report) -> str:
    """Return a report as a row of a Markdown table."""
    caught = ", ".join(f"`{name}`" for name in dict.fromkeys(finding.check.name for finding in report.broken))
    sentence = report.broken[0].sentence.replace("|", "\\|") if report.broken else ""
    counts = [report.count(verdict) for verdict in (Verdict.KEPT, Verdict.NEEDLESS, Verdict.SKIPPED)]
    return f"| {report.label or report.tuner} | {' | '.join(map(str, counts))} | {caught or 'none'} | {sentence} |"


def markdown_table(reports: Sequence[Report]) -> str:
    """Return reports as a Markdown table."""
    head = "| tuner | kept | needless | skipped | broken | first finding |\n|---|---|---|---|---|---|"
    return "\n".join([head, *map(markdown_row, reports)])


def _finding(finding: Finding) -> JsonValue:
    return {
        "check": finding.check.name,
        "what": finding.check.what,
        "way": finding.way.value,
        "verdict": finding.verdict.value,
        "sentence": finding.sentence,
        "why": finding.check.why,
        "mend": finding.check.mend,
        "printed": list(finding.printed),
    }
