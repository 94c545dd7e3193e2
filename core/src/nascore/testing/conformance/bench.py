"""The bench: what every check works with: the tuner, what it says of itself, stages that it accepts, and a seed."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from functools import cached_property

from nascore.errors import NascoreError, SettingsError, UnsupportedError
from nascore.record import JsonValue
from nascore.space import SearchSpace
from nascore.testing.conformance.breach import BreachError, NeedlessError
from nascore.testing.conformance.search import Search, Turn
from nascore.testing.conformance.stage import Stage, named_spaces, stage_of
from nascore.testing.conformance.subject import Subject, WireSubject
from nascore.testing.conformance.talk import Talk
from nascore.tuner.contract import Determinism, Mode, Setup
from nascore.tuner.session import Description

_LONGEST_SENTENCE = 600
_BEGINNING, _QUICK_BEGINNING = 160, 32
"""Proposals of a search before it is looked at closely: until a hundred (twenty) have completed many draw at random."""


class Bench:
    """Opens sessions for checks and closes them afterwards.

    Args:
        subject: The tuner.
        settings: What it is opened with.
        seed: Seed of the experiments.
        is_quick: Whether to look at less of everything.
    """

    def __init__(self, subject: Subject, *, settings: Mapping[str, JsonValue], seed: int, is_quick: bool) -> None:
        self.subject = subject
        self.settings = settings
        self.seed = seed
        self.is_quick = is_quick
        self._talks: list[Talk] = []

    @cached_property
    def description(self) -> Description:
        """Who the tuner is."""
        return self.subject.describe()

    @property
    def repeats(self) -> bool:
        """Whether it promises to propose the same again."""
        return self.description.determinism is not Determinism.NONE

    @property
    def wire(self) -> WireSubject:
        """The tuner behind its socket.

        Raises:
            NeedlessError: It is in this process.
        """
        if not isinstance(self.subject, WireSubject):
            raise NeedlessError("Only a tuner behind a socket can fail here.")
        return self.subject

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """One stage for each of its modes.

        Raises:
            BreachError: It accepts no space in one of its modes.
        """
        return tuple(self._stage(mode) for mode in sorted(self.description.modes))

    @property
    def trial_stage(self) -> Stage:
        """The stage of trials.

        Raises:
            NeedlessError: It only searches one-shot.
        """
        return self._of_mode(Mode.MULTI_TRIAL, "It does not search trial by trial.")

    @property
    def sample_stage(self) -> Stage:
        """The stage of samples.

        Raises:
            NeedlessError: It only searches trial by trial.
        """
        return self._of_mode(Mode.ONE_SHOT, "It does not search one-shot.")

    def open(self, stage: Stage, *, state: bytes | None = None, state_seq: int = 0) -> Talk:
        """Return a fresh session on a stage."""
        return self.open_with(stage.setup, self.settings, state=state, state_seq=state_seq)

    def open_with(
        self, setup: Setup, settings: Mapping[str, JsonValue], *, state: bytes | None = None, state_seq: int = 0
    ) -> Talk:
        """Return a fresh session; raises what opening raises."""
        talk = self.subject.talk()
        self._talks.append(talk)
        talk.open(setup, settings, state=state, state_seq=state_seq)
        return talk

    def searched(self, stage: Stage, turns: int) -> list[Turn]:
        """Return the first turns of an undisturbed search."""
        return Search(self.open(stage), stage).run(turns)

    def searched_far(self, stage: Stage, turns: int) -> list[Turn]:
        """Return the first turns of an undisturbed search; with the first one it is where it has begun to learn."""
        return self.begun(stage).run(turns)

    def begun(self, stage: Stage) -> Search:
        """Return a search in a fresh session, one turn old, that is where it has begun to learn."""
        search = Search(self.open(stage), stage)
        beginning = _QUICK_BEGINNING if self.is_quick else _BEGINNING
        search.turn(want=None if stage.is_one_shot else beginning)
        return search

    def refusal(self, setup: Setup, settings: Mapping[str, JsonValue] | None = None) -> str:
        """Return the sentence with which it refuses a setup; empty if it accepts it.

        Raises:
            BreachError: It refuses without a sentence that people can read.
        """
        try:
            self.open_with(setup, self.settings if settings is None else settings)
        except (UnsupportedError, SettingsError) as error:
            return _sentence(str(error))
        return ""

    def clear(self) -> None:
        """Close all sessions; one that cannot be closed any more is what the check has found already."""
        talks, self._talks = self._talks, []
        for talk in talks:
            with contextlib.suppress(NascoreError):
                talk.close()

    def _stage(self, mode: Mode) -> Stage:
        refusals = []
        for name, space in named_spaces(mode).items():
            stage = stage_of(name, space, mode=mode, seed=self.seed)
            refusal = self.refusal(stage.setup)
            if not refusal:
                return stage
            refusals.append(refusal)
        raise BreachError(
            f"It claims the mode {mode.value}, but refuses every known space, for instance: {refusals[0]}"
        )

    def _of_mode(self, mode: Mode, otherwise: str) -> Stage:
        for stage in self.stages:
            if stage.setup.mode is mode:
                return stage
        raise NeedlessError(otherwise)

    def spaces(self, names: Sequence[str] = ()) -> dict[str, SearchSpace]:
        """Return the known spaces, or those of some names."""
        known = named_spaces(Mode.MULTI_TRIAL)
        return {name: known[name] for name in names} if names else known


def _sentence(text: str) -> str:
    if not text.strip():
        raise BreachError("It refuses without a word.")
    if len(text) > _LONGEST_SENTENCE or "\n" in text or "Traceback" in text:
        raise BreachError(f"It refuses with what is no sentence: {text[:120]!r}.")
    return text
