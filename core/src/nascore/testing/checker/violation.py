"""What a checker finds: the rule that was broken, and a sentence that says by what."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Rule(StrEnum):
    """What is promised; each violation breaks one of these."""

    LOST = "what was acknowledged is in the log"
    TWICE = "nothing has its effect twice"
    STUCK = "no trial is held by nobody"
    HOLDER = "a trial has one holder at a time, with an epoch of its own"
    ZOMBIE = "who has lost a trial is refused, and only who has lost it"
    REFUSED = "what was refused has no effect"
    STORY = "a trial is queued, leased and ended in this order"
    TOLD = "the tuner is told each outcome once, in the order of the log"
    READ = "what is read is what is stored"
    PROPOSALS = "the same log gives the same proposals"
    PROCESS = "processes end when they are told to, and only then"


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that was broken, and how."""

    rule: Rule
    sentence: str

    def __str__(self) -> str:
        return f"[{self.rule.name.lower()}] {self.sentence}"
