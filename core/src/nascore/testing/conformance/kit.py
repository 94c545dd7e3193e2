"""The kit: runs the checks on a tuner, over gRPC and in this process, and reports what it found.

Deterministic: the same seed gives the same questions. Needs no running event loop, for it has one of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from nascore.errors import InvalidInputError, NascoreError, UnavailableError
from nascore.record import JsonValue
from nascore.testing.conformance.bench import Bench
from nascore.testing.conformance.breach import NeedlessError
from nascore.testing.conformance.check import CHECKS, HANDSHAKE, Check
from nascore.testing.conformance.report import Finding, Report, Verdict
from nascore.testing.conformance.subject import LocalSubject, Subject, Way, WireSubject
from nascore.tuner.address import endpoint
from nascore.tuner.contract import Settings, Tuner
from nascore.tuner.limits import HostLimits
from nascore.tuner.plugins import load_tuner

_PATIENCE = 2  # Checks in which it may hang before the rest is left.


@dataclass(frozen=True, slots=True)
class Examination:
    """How a tuner is examined.

    Attributes:
        settings: Settings of the tuner.
        seed: Seed of every experiment; another one examines with other questions.
        is_quick: Whether to look at less of everything.
        only: Names of the checks to run; empty for all.
        skipped: Checks to leave out, each with the reason.
        timeout_s: Seconds after which a call counts as hanging.
        ways: How to speak to it, as far as it can be spoken to so.
        insecure: Allow ``grpc://`` to another machine without TLS.

    Raises:
        InvalidInputError: There is no such check, or a reason is missing.
    """

    settings: Mapping[str, JsonValue] = field(default_factory=dict)
    seed: int = 1
    is_quick: bool = False
    only: Sequence[str] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 30.0
    ways: Sequence[Way] = tuple(Way)
    insecure: bool = False

    def __post_init__(self) -> None:
        known = [check.name for check in CHECKS]
        for name in (*self.only, *self.skipped):
            if name not in known:
                raise InvalidInputError(f"There is no check {name!r}.", hint=f"The checks are {', '.join(known)}.")
        for name, reason in self.skipped.items():
            if not reason.strip():
                raise InvalidInputError(
                    f"The check {name!r} cannot be left out without a reason.", hint=f"Write {name}=REASON."
                )

    @property
    def limits(self) -> HostLimits:
        """Deadlines of the calls."""
        wait = self.timeout_s
        return HostLimits(
            start_timeout_s=wait,
            open_timeout_s=wait,
            ask_timeout_s=wait,
            tell_timeout_s=wait,
            replay_timeout_s=wait,
            stop_grace_s=min(5.0, wait),
        )


def examine(
    tuner: str | type[Tuner[Settings]],
    examination: Examination | None = None,
    *,
    on_finding: Callable[[Finding], None] | None = None,
) -> Report:
    """Run the checks on a tuner.

    Args:
        tuner: Name of an installed one (over gRPC and in process), ``exec:`` or ``grpc://`` address (over gRPC), or a
            class (in process).
        examination: How; all checks if not given.
        on_finding: Told every finding as it is made.

    Raises:
        InvalidInputError: The address is malformed.
        NotFoundError: No tuner of that name is installed.
    """
    chosen = examination or Examination()
    findings: list[Finding] = []

    def note(finding: Finding) -> None:
        findings.append(finding)
        if on_finding is not None:
            on_finding(finding)

    label = ""
    with asyncio.Runner() as runner:
        for subject in _subjects(tuner, chosen, runner):
            if _hung(findings):
                break  # In this process nothing could end it.
            label = _Round(subject, chosen, note).run() or label
    name = tuner if isinstance(tuner, str) else tuner.name
    return Report(name, label, chosen.seed, tuple(findings))


class _Round:
    """The checks on one subject."""

    def __init__(self, subject: Subject, examination: Examination, note: Callable[[Finding], None]) -> None:
        self._subject = subject
        self._examination = examination
        self._note = note
        self._bench = self._fresh()

    def run(self) -> str:
        """Run them, and return what the tuner calls itself."""
        label, obstacle, hung = "", "", 0
        try:
            for check in CHECKS:
                if not self._is_wanted(check):
                    continue
                finding = self._finding(check, Verdict.UNREACHED, obstacle) if obstacle else self._found(check)
                self._note(finding)
                hung += _is_hanging(finding)
                if finding.verdict is Verdict.BROKEN and check.name == HANDSHAKE:
                    obstacle = "The tuner could not be met."
                elif hung == _PATIENCE:
                    obstacle = "The tuner hangs again and again."
            if not obstacle:
                label = self._label()
        finally:
            self._subject.close()
        return label

    def _is_wanted(self, check: Check) -> bool:
        return not self._examination.only or check.name in self._examination.only or check.name == HANDSHAKE

    def _found(self, check: Check) -> Finding:
        if check.name in self._examination.skipped:
            return self._finding(check, Verdict.SKIPPED, self._examination.skipped[check.name])
        try:
            check.examine(self._bench)
        except NeedlessError as reason:
            return self._finding(check, Verdict.NEEDLESS, str(reason))
        except NascoreError as error:
            finding = self._finding(check, Verdict.BROKEN, _sentence(error))
            self._subject.renew()
            self._bench = self._fresh()
            return finding
        finally:
            self._bench.clear()
        return self._finding(check, Verdict.KEPT, "")

    def _finding(self, check: Check, verdict: Verdict, sentence: str) -> Finding:
        return Finding(check, self._subject.way, verdict, sentence)

    def _label(self) -> str:
        found = self._bench.description
        return f"{found.name} {found.version}".strip()

    def _fresh(self) -> Bench:
        chosen = self._examination
        return Bench(self._subject, settings=chosen.settings, seed=chosen.seed, is_quick=chosen.is_quick)


def _subjects(
    tuner: str | type[Tuner[Settings]], examination: Examination, runner: asyncio.Runner
) -> Sequence[Subject]:
    found: list[Subject] = []
    if isinstance(tuner, str):
        address = endpoint(tuner, insecure=examination.insecure)
        if Way.WIRE in examination.ways:
            found.append(WireSubject(address, runner, limits=examination.limits))
    local = (load_tuner(tuner)[0] if ":" not in tuner else None) if isinstance(tuner, str) else tuner
    if local is not None and Way.PROCESS in examination.ways:
        found.append(LocalSubject(local, runner))
    return found


def _hung(findings: Sequence[Finding]) -> bool:
    return any(map(_is_hanging, findings))


def _is_hanging(finding: Finding) -> bool:
    return finding.verdict is Verdict.BROKEN and "did not answer" in finding.sentence


def _sentence(error: NascoreError) -> str:
    text = " ".join(error.message.split())
    if isinstance(error, UnavailableError) and "did not answer" not in text:
        text = f"Its process is gone or does not answer: {text}"
    return text
