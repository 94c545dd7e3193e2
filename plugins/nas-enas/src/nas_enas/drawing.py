"""Drawing architectures from a policy, which is asked every question only once until it has learnt more.

Architectures that are drawn between two updates begin alike, and those of a policy that has nearly settled are nearly
all alike: the places that they reached, and the dice that were thrown there, are remembered as a tree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from nascore.space import Architecture

from nas_enas.laws import Choice, Dice
from nas_enas.policy import Asked, Place, Policy
from nas_enas.questions import Inquiry, Question, Value

_MOST_REMEMBERED = 4096
"""Questions after which the tree is made anew: a bound of memory."""


@dataclass(slots=True)
class _Spot:
    """A place, and what was asked there, by slot."""

    place: Place
    known: dict[str, _Thrown] = field(default_factory=dict)


@dataclass(slots=True)
class _Thrown:
    """A question at a spot, its dice, and the spots after its answers."""

    asked: Asked
    dice: Dice
    after: dict[Choice, _Spot] = field(default_factory=dict)


class Drawing:
    """Draws from a policy of which the parameters stay as they are until `forget` is called. Not thread-safe."""

    def __init__(self, policy: Policy, inquiry: Inquiry) -> None:
        self._policy = policy
        self._inquiry = inquiry
        self.forget()

    def forget(self) -> None:
        """Remember nothing; call it whenever the policy's parameters have changed."""
        self._root: _Spot | None = None
        self._remembered = 0

    def draw(self, random: Random) -> tuple[Architecture, float] | None:
        """Draw an architecture with its log-probability; ``None`` if constraints are never kept."""
        way = _Way(self, random)
        architecture = self._inquiry.draw(way.choose, way.begin, random)
        return None if architecture is None else (architecture, way.log_prob)

    def root(self) -> _Spot:
        """Return where every architecture begins."""
        if self._root is None or self._remembered > _MOST_REMEMBERED:
            self.forget()
            self._root = _Spot(self._policy.begin())
        return self._root

    def thrown(self, spot: _Spot, question: Question) -> _Thrown:
        """Return what is thrown at a spot for a question."""
        found = spot.known.get(question.slot)
        if found is None:
            self._remembered += 1
            asked = spot.place.ask(question)
            found = spot.known[question.slot] = _Thrown(asked, question.law.dice(asked.scores))
        return found


class _Way:
    """One architecture on its way."""

    def __init__(self, drawing: Drawing, random: Random) -> None:
        self._drawing = drawing
        self._random = random
        self.begin()

    def begin(self) -> None:
        self._spot = self._drawing.root()
        self.log_prob = 0.0

    def choose(self, question: Question) -> Choice:
        spot = self._spot
        thrown = self._drawing.thrown(spot, question)
        choice, log_prob = thrown.dice(self._random)
        self.log_prob += log_prob
        after = thrown.after.get(choice)
        if after is None:
            place = thrown.asked.answered(choice)
            # Where answers lead nowhere else, as without a memory, one spot is enough.
            after = thrown.after[choice] = spot if place is spot.place else _Spot(place)
        self._spot = after
        return choice


def most_probable(policy: Policy, inquiry: Inquiry) -> dict[str, Value]:
    """Return the decisions of which each is the most probable after those before; constraints not regarded."""
    place = policy.begin()

    def choose(question: Question) -> Choice:
        nonlocal place
        asked = place.ask(question)
        choice = question.law.best(asked.scores)
        place = asked.answered(choice)
        return choice

    return inquiry.ask(choose, Random(0))
