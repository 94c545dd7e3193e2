"""What a tuner was asked and told, in which order, as a text that somebody else keeps: a few bytes for each trial.

A caller that keeps trials but no log (Katib's controller, a Vizier study) is given this text with every answer and
hands it back with the next question. With it and the trials a tuner is brought to where it was, bit for bit; see
`nascore.tuner.retelling`, which reads and writes it.

The text is ``1`` (the version) and one word for each turn: whose outcomes were told, ``>``, and how many proposals were
asked for then::

    1 >3 0,2>2 1,5=their-7>1

Trials 0, 1 and 2 were proposed; when 0 and 2 had ended, 3 and 4; then 1 ended, and a trial that is not the tuner's,
which its keeper calls ``their-7`` and which got the number 5; and 6 was proposed. A word ``@9`` says that the numbers
below 9 had been given out by then, although the chronicle does not say how.

Not here: architectures and results, which the caller has anyway.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from nascore.errors import DataLossError

MAX_LENGTH = 1024 * 1024
"""Longest text that is read, in characters; some 150,000 trials."""

_VERSION = "1"
_SKIP = re.compile(r"@([0-9]{1,9})")
_TURN = re.compile(r"([^>\s]*)>([0-9]{1,9})")
_ITEM = re.compile(r"([0-9]{1,9})(?:=([^,=>\s]+))?")


@dataclass(frozen=True, slots=True)
class Turn:
    """One visit to the tuner: outcomes first, then questions.

    Attributes:
        told: Numbers of the trials whose outcomes it was told, in that order.
        asked: How many proposals it was asked for after that.
        strangers: What their keeper calls the trials in ``told`` that the tuner did not propose, by number.
        skipped_to: The numbers below this one had been given out before; 0 if the turns before say it all.
    """

    told: tuple[int, ...] = ()
    asked: int = 0
    strangers: Mapping[int, str] = field(default_factory=dict)
    skipped_to: int = 0

    def __str__(self) -> str:
        skip = f"@{self.skipped_to}" if self.skipped_to else ""
        if not (self.told or self.asked):
            return skip
        visit = ",".join(_item(number, self.strangers) for number in self.told) + f">{self.asked}"
        return f"{skip} {visit}".lstrip()


@dataclass(frozen=True, slots=True)
class Chronicle:
    """All visits to a tuner, oldest first."""

    turns: tuple[Turn, ...] = ()

    def __str__(self) -> str:
        text = BLANK
        for turn in self.turns:
            text = continued(text, turn)
        return text

    @classmethod
    def read(cls, text: str) -> Chronicle:
        """Return the chronicle that a text holds; of an empty text one without turns.

        Raises:
            DataLossError: It is too long, of another version, or not what was written.
        """
        if len(text) > MAX_LENGTH:
            raise _damaged(f"it has {len(text)} characters, of which at most {MAX_LENGTH} are read")
        version, *words = (text or BLANK).split(" ")
        if version != BLANK:
            raise _damaged(f"its version is {version[:20]!r}, and this nascore reads {BLANK}")
        turns = tuple(_turns(words))
        _check_numbers(turns)
        return cls(turns)


BLANK = "1"
"""The text of a chronicle without turns: its version."""


def continued(text: str, turn: Turn) -> str:
    """Return the text with one more turn."""
    return f"{text or BLANK} {turn}".rstrip()


def _item(number: int, strangers: Mapping[int, str]) -> str:
    return f"{number}={quote(strangers[number], safe='')}" if number in strangers else str(number)


def _turns(words: Iterable[str]) -> Iterator[Turn]:
    skipped_to = 0
    for word in words:
        if (skip := _SKIP.fullmatch(word)) is not None:
            skipped_to = int(skip[1])
        elif (visit := _TURN.fullmatch(word)) is not None:
            yield _turn(visit[1], asked=int(visit[2]), skipped_to=skipped_to)
            skipped_to = 0
        else:
            raise _damaged(f"it has the word {word[:40]!r}")
    if skipped_to:
        yield Turn(skipped_to=skipped_to)


def _turn(listing: str, *, asked: int, skipped_to: int) -> Turn:
    items = [_ITEM.fullmatch(item) for item in listing.split(",")] if listing else []
    found = [item for item in items if item is not None]
    if len(found) < len(items):
        raise _damaged(f"it has the word {listing[:40]!r}")
    strangers = {int(item[1]): unquote(item[2]) for item in found if item[2]}
    return Turn(tuple(int(item[1]) for item in found), asked, strangers, skipped_to)


def _check_numbers(turns: Iterable[Turn]) -> None:
    given_out, told = 0, set[int]()
    for turn in turns:
        given_out = max(given_out, turn.skipped_to) + len(turn.strangers)
        for number in turn.told:
            if number >= given_out or number in told:
                raise _damaged(f"trial {number} is told of {'twice' if number in told else 'before it is proposed'}")
            told.add(number)
        given_out += turn.asked


def _damaged(what: str) -> DataLossError:
    return DataLossError(
        f"The chronicle of the tuner cannot be read: {what}.",
        hint="Somebody changed it, or another version wrote it. Put back what was there, or remove it: the tuner is "
        "then told of all trials anew.",
    )
