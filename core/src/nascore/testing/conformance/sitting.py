"""A sitting: one tuner, spoken to in one way, and the checks that it is put through one after another.

Not here: which checks and which ways (``kit``, ``suite``).
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from nascore.errors import NascoreError, UnavailableError
from nascore.testing.conformance.bench import Bench
from nascore.testing.conformance.breach import NeedlessError
from nascore.testing.conformance.check import HANDSHAKE, Check
from nascore.testing.conformance.examination import Examination
from nascore.testing.conformance.report import Finding, Verdict
from nascore.testing.conformance.subject import LocalSubject, Subject, Way, WireSubject
from nascore.tuner.address import endpoint
from nascore.tuner.contract import Tuner
from nascore.tuner.plugins import load_tuner

_PATIENCE = 2  # Checks in which it may hang before the rest is left.


class Sitting:
    """Checks of one tuner; a context manager that ends its process. Needs no running event loop, for it has its own.

    Args:
        tuner: Name of an installed one, address or class; see `ways_of`.
        examination: How.
        way: How it is spoken to, one of its ways.

    Raises:
        InvalidInputError: The address is malformed.
        NotFoundError: No tuner of that name is installed.
    """

    def __init__(self, tuner: str | type[Tuner[Any]], examination: Examination, *, way: Way) -> None:
        self._examination = examination
        self._runner = asyncio.Runner()
        self._subject = _subject(tuner, examination, way, runner=self._runner)
        self._bench = self._fresh()
        self._obstacle = ""
        self._hung = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def find(self, check: Check) -> Finding:
        """Run one check, unless it was found before that nothing can come of it."""
        if self._obstacle:
            return self._finding(check, Verdict.UNREACHED, self._obstacle)
        finding = self._found(check)
        self._hung += is_hanging(finding)
        if finding.verdict is Verdict.BROKEN and check.name == HANDSHAKE:
            self._obstacle = "The tuner could not be met."
        elif self._hung == _PATIENCE:
            self._obstacle = "The tuner hangs again and again."
        return finding

    def label(self) -> str:
        """Return what the tuner calls itself, with its version; empty if it could not be met."""
        if self._obstacle:
            return ""
        found = self._bench.description
        return f"{found.name} {found.version}".strip()

    def close(self) -> None:
        """End the tuner's process, if it has one."""
        self._subject.close()
        self._runner.close()

    def _found(self, check: Check) -> Finding:
        if check.name in self._examination.skipped:
            return self._finding(check, Verdict.SKIPPED, self._examination.skipped[check.name])
        try:
            check.examine(self._bench)
        except NeedlessError as reason:
            return self._finding(check, Verdict.NEEDLESS, str(reason))
        except NascoreError as error:
            finding = replace(self._finding(check, Verdict.BROKEN, _sentence(error)), printed=self._subject.printed())
            self._subject.renew()
            self._bench = self._fresh()
            return finding
        finally:
            self._bench.clear()
        return self._finding(check, Verdict.KEPT, "")

    def _finding(self, check: Check, verdict: Verdict, sentence: str) -> Finding:
        return Finding(check, self._subject.way, verdict, sentence)

    def _fresh(self) -> Bench:
        chosen = self._examination
        return Bench(self._subject, settings=chosen.settings, seed=chosen.seed, is_quick=chosen.is_quick)


def ways_of(tuner: str | type[Tuner[Any]]) -> tuple[Way, ...]:
    """Return how a tuner can be spoken to: an installed one in both ways, an address over gRPC, a class in process."""
    if not isinstance(tuner, str):
        return (Way.PROCESS,)
    return (Way.WIRE,) if ":" in tuner else tuple(Way)


def is_hanging(finding: Finding) -> bool:
    """Whether a check found that the tuner does not answer."""
    return finding.verdict is Verdict.BROKEN and "did not answer" in finding.sentence


def _subject(tuner: str | type[Tuner[Any]], examination: Examination, way: Way, *, runner: asyncio.Runner) -> Subject:
    if not isinstance(tuner, str):
        return LocalSubject(tuner, runner)
    if way is Way.PROCESS:
        return LocalSubject(load_tuner(tuner)[0], runner)
    return WireSubject(endpoint(tuner, insecure=examination.insecure), runner, limits=examination.limits)


def _sentence(error: NascoreError) -> str:
    """What was wrong, with the last line where the program printed many."""
    what, *printed = [" ".join(line.split()) for line in error.message.splitlines() if line.strip()] or ["No reason."]
    text = f"{what} It printed last: {printed[-1]}" if printed else what
    if isinstance(error, UnavailableError) and "did not answer" not in text:
        text = f"Its process is gone or does not answer: {text}"
    return text
