"""Conducts one tuner: the right calls, once each, in order, and no wrong answer gets past.

This synchronous core is shared by the session in process and by the tuner host. It numbers outcomes by their seq (one
taken already is passed over, a gap is refused), repeats answers already given, replays logs, and checks every proposal.

A tuner that raises is not called again: its state may be half changed. The owner makes a new one and replays the log.

Not here: processes, deadlines and restarts (``supervision``); the wire (``servicer``).
"""

from __future__ import annotations

import traceback
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from nascore.errors import (
    ExhaustedResourceError,
    InvalidInputError,
    NascoreError,
    StateError,
    TunerCrashedError,
    UnsupportedError,
)
from nascore.failpoints import failpoint
from nascore.record import Asked, Derived, JsonValue, Proposal, Report, Told, Verdict
from nascore.tuner.answers import check_proposal, mixing_of
from nascore.tuner.contract import Determinism, NoProposal, Settings, Setup, Tuner
from nascore.tuner.session import Answer, AskStatus
from nascore.tuner.settings import validate
from nascore.tuner.suitability import why_unsuitable

MAX_SEEDS = 256
MAX_STATE_BYTES = 3 * 1024 * 1024
_REMEMBERED_ANSWERS = 1024
_FULLY_CHECKED = 1024
_CHECK_EVERY = 16
_DERIVE = "derive"

ResultT = TypeVar("ResultT")


class Conductor:
    """One session of one tuner. Not thread-safe.

    Args:
        tuner_type: The tuner.
        setup: What it is opened with.
        settings: Its settings as JSON values.
        version: Version of the package that holds it, for messages.
        state: State from an earlier session, with the seq it covers in ``state_seq``.
        may_search: Whether it may propose to train supernets, which only the core's own does.

    Raises:
        SettingsError: If a setting is wrong.
        UnsupportedError: If the tuner cannot tune this.
        TunerCrashedError: If the tuner raises while it is made.
    """

    def __init__(
        self,
        tuner_type: type[Tuner[Settings]],
        setup: Setup,
        *,
        settings: Mapping[str, JsonValue],
        version: str = "",
        state: bytes | None = None,
        state_seq: int = 0,
        may_search: bool = False,
    ) -> None:
        self._may_search = may_search
        self.label = f"{tuner_type.name} {version}".strip()
        self.told_through = 0
        self._space = setup.space
        self._mixing = mixing_of(setup)
        self._determinism = tuner_type.determinism
        self._samples: dict[int, Proposal] = {}  # Those of a one-shot session that have no outcome yet.
        self._answers: OrderedDict[int, tuple[int, Proposal | NoProposal]] = OrderedDict()
        self._replayed_through = -1
        self._is_broken = False
        chosen = validate(tuner_type.settings_type, settings)
        reason = self._guarded("cannot_tune", lambda: why_unsuitable(tuner_type, setup, chosen))
        if reason:
            raise UnsupportedError(reason)
        self._tuner = self._guarded("opening", lambda: tuner_type(setup, chosen))
        if state is not None:
            self._restore(state, state_seq)

    def ask(
        self, first_number: int, seeds: Sequence[int], *, outcomes: Sequence[Told] = (), told_through: int = 0
    ) -> Answer:
        """Take the outcomes, then ask for one proposal a seed; see `TunerSession.ask`."""
        if not 1 <= len(seeds) <= MAX_SEEDS:
            raise InvalidInputError(f"seeds: need 1 to {MAX_SEEDS}, got {len(seeds)}.")
        self._take(outcomes)
        if told_through > self.told_through:
            raise self._gap(told_through)
        failpoint("tuner.before_ask")
        proposals: list[Proposal] = []
        status = AskStatus.OK
        for number, seed in enumerate(seeds, first_number):
            answer = self._answer(number, seed, told_through)
            if isinstance(answer, NoProposal):
                status = AskStatus(answer.value)
                break
            proposals.append(answer)
        failpoint("tuner.after_ask")
        return Answer(tuple(proposals), status)

    def recalled(self, number: int) -> Proposal:
        """Return a sample that was proposed in this session and has no outcome yet.

        Raises:
            StateError: There is none of this number.
        """
        sample = self._samples.get(number)
        if sample is None:
            raise StateError(f"Sample {number} was not proposed in this session, or its outcome is told already.")
        return sample

    def tell(self, outcomes: Sequence[Told], *, after_seq: int) -> None:
        """Take outcomes that follow on ``after_seq``; see `TunerSession.tell`."""
        if after_seq > self.told_through:
            raise self._gap(after_seq)
        self._take(outcomes)

    def replay(self, events: Sequence[Asked | Told]) -> tuple[int, ...]:
        """Take logged events; returns the numbers of proposals that came out otherwise than logged."""
        diverged = []
        for event in events:
            if isinstance(event, Told):
                self._take((event,))
            elif event.proposal.number > self._replayed_through:
                if not self._repeats(event):
                    diverged.append(event.proposal.number)
                self._replayed_through = event.proposal.number
        return tuple(diverged)

    def review(self, reports: Sequence[Report]) -> tuple[Verdict, ...]:
        """Return the tuner's verdict on each report."""
        return tuple(self._call(f"review of trial {report.number}", self._tuner.review, report) for report in reports)

    def derive(self, count: int) -> tuple[Derived, ...]:
        """Return the tuner's final architectures, each checked against the space."""
        return self._call(_DERIVE, self._derived, count)

    def snapshot(self) -> tuple[bytes, int] | None:
        """Return the tuner's state and the seq it covers, or ``None``.

        Raises:
            ExhaustedResourceError: It is too large to be kept; the tuner itself is unharmed.
        """
        failpoint("tuner.before_snapshot")
        state = self._call("snapshot", self._tuner.snapshot)
        failpoint("tuner.after_snapshot")
        if state is None:
            return None
        if not isinstance(state, bytes):
            raise crashed(self.label, "snapshot", TypeError(f"it returned {type(state).__name__}, not bytes"))
        if len(state) > MAX_STATE_BYTES:
            raise ExhaustedResourceError(
                f"Tuner {self.label} made a snapshot of {len(state)} bytes; at most {MAX_STATE_BYTES} are allowed.",
                hint="It is rebuilt by replay instead, which takes longer.",
            )
        return state, self.told_through

    def _restore(self, state: bytes, seq: int) -> None:
        failpoint("tuner.before_restore")
        self._guarded("restore", lambda: self._tuner.restore(state))
        self.told_through = seq

    def _take(self, outcomes: Sequence[Told]) -> None:
        for told in outcomes:
            if told.seq > self.told_through:
                failpoint("tuner.before_tell")
                self._call(f"tell of trial {told.proposal.number}", self._tuner.tell, told.proposal, told.outcome)
                self.told_through = told.seq
                self._samples.pop(told.proposal.number, None)

    def _answer(self, number: int, seed: int, told_through: int) -> Proposal | NoProposal:
        remembered = self._answers.get(number)
        is_traceless = self._determinism is Determinism.HISTORY
        if remembered is not None and (remembered[0] == told_through or not is_traceless):
            return remembered[1]
        if told_through < self.told_through:
            raise StateError(
                f"Proposal {number} is asked for as of outcome {told_through}, but {self.told_through} is told already."
            )
        answer = self._call(f"ask of trial {number}", self._asked, number, seed)
        # "Wait" ends with the next outcome, and an answer that left no trace is given again for the asking.
        if answer is not NoProposal.WAIT:
            self._remember(number, told_through, answer)
        if self._mixing is not None and isinstance(answer, Proposal):
            self._samples[number] = answer
        return answer

    def _asked(self, number: int, seed: int) -> Proposal | NoProposal:
        answer = self._tuner.ask(number, seed)
        check_proposal(
            answer, number, space=self._space, label=self.label, mixing=self._mixing, may_search=self._may_search
        )
        return answer

    def _derived(self, count: int) -> tuple[Derived, ...]:
        found = tuple(self._tuner.derive(count))[:count]
        for derived in found:
            self._space.check(derived.architecture)
        return found

    def _remember(self, number: int, told_through: int, answer: Proposal | NoProposal) -> None:
        self._answers[number] = (told_through, answer)
        if len(self._answers) > _REMEMBERED_ANSWERS:
            self._answers.popitem(last=False)

    def _repeats(self, event: Asked) -> bool:
        number = event.proposal.number
        if self._determinism is Determinism.NONE:
            self._call(f"absorb of trial {number}", self._tuner.absorb, event.proposal, event.seed)
            return True
        if self._determinism is Determinism.HISTORY and number >= _FULLY_CHECKED and number % _CHECK_EVERY:
            # Asks leave no trace, so a sample is enough to notice a tuner that changed.
            return True
        answer = self._call(f"ask of trial {number}", self._asked, number, event.seed)
        self._remember(number, self.told_through, event.proposal)
        return answer == event.proposal

    def _call(self, what: str, method: Callable[..., ResultT], *arguments: object) -> ResultT:
        if self._is_broken:
            raise StateError(f"{self.label} raised before; open the session again and replay the log.")
        # Not through _guarded: a lambda for each outcome would be most of the cost of a tell.
        try:
            return method(*arguments)
        except KeyboardInterrupt:  # Somebody wants this process to end; in a host that is a death like any other.
            raise
        except BaseException as error:  # SystemExit and the like must not end a host that serves other sessions.
            if isinstance(error, UnsupportedError) and what == _DERIVE:
                raise
            self._is_broken = True
            raise crashed(self.label, what, error) from error

    def _guarded(self, what: str, action: Callable[[], ResultT]) -> ResultT:
        try:
            return action()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise crashed(self.label, what, error) from error

    def _gap(self, told_through: int) -> StateError:
        return StateError(
            f"Outcomes after seq {self.told_through} are missing: the call continues at {told_through}.",
            hint="Replay the log from there.",
        )


def crashed(label: str, what: str, error: BaseException) -> TunerCrashedError:
    """Return the error for a tuner that raised: its last line as message, where it happened as hint."""
    if isinstance(error, TunerCrashedError):
        return error
    text = error.message if isinstance(error, NascoreError) else str(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}, line {frames[-1].lineno}, in {frames[-1].name}" if frames else "unknown place"
    message = f"Tuner {label} raised {type(error).__name__} in {what}: {text}"
    return TunerCrashedError(message, hint=f"Raised in {where}; report it to the authors of the tuner.")
