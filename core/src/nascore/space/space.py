"""A search space: what may be built, and every question that can be asked of it.

The class only gathers; each subject has its module. It holds plain values (``nodes``, ``constraint``), is checked as a
whole when it is made (``check``, ``constraint_types``), and compiles itself once, when it is first asked (``plan``).
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING
from typing import Literal as OneOfTexts

from nascore.errors import ArchitectureError, SettingsError, SpaceError, Violation
from nascore.space import encoding, membership, sampling, variation
from nascore.space.architecture import Architecture, Value, from_sorted
from nascore.space.check import checked
from nascore.space.constraint import Constraint
from nascore.space.constraint_types import constraint_violations
from nascore.space.difference import differences
from nascore.space.feasible import Feasible
from nascore.space.freeze import frozen
from nascore.space.jsonform import space_from_json, space_to_canonical_json, space_to_json
from nascore.space.nodes import Node, is_same
from nascore.space.plan import DecisionInfo, Plan, compile_plan, node_table
from nascore.space.scope import Scope
from nascore.space.size import Size

if TYPE_CHECKING:  # See encoding: numpy is imported by those who encode only.
    import numpy as np
    import numpy.typing as npt

_FINDINGS_SHOWN = 5


# Not slotted: cached_property keeps what was compiled in the instance's dictionary.
@dataclass(frozen=True, eq=False)
class SearchSpace:
    """An immutable search space; methods may be called from several threads.

    Attributes:
        nodes: What is to be decided; none is the space with exactly one architecture, the empty one.
        constraints: What every architecture must satisfy.

    Raises:
        SpaceError: Something is wrong with it; ``violations`` lists everything, with its place.
    """

    nodes: tuple[Node, ...]
    constraints: tuple[Constraint, ...] = ()
    _root: Scope = field(init=False, repr=False)

    def __post_init__(self) -> None:
        root, found = checked(self.nodes)
        table = None if root is None or not self.constraints else node_table(root)
        found += tuple(constraint_violations(self.constraints, table))
        if found:
            shown = "\n".join(f"  {violation}" for violation in found[:_FINDINGS_SHOWN])
            more = f"\n  and {len(found) - _FINDINGS_SHOWN} more" if len(found) > _FINDINGS_SHOWN else ""
            raise SpaceError(f"The search space is not valid:\n{shown}{more}", violations=found)
        object.__setattr__(self, "_root", root)

    @property
    def decisions(self) -> tuple[DecisionInfo, ...]:
        """The decision table, sorted by path."""
        return self._plan.table

    def size(self) -> Size:
        """Number of architectures; exact wherever constraints leave few enough to try."""
        return self._feasible.size

    def sample(
        self, rng: random.Random, *, uniform: OneOfTexts["decisions", "architectures"] = "decisions"
    ) -> Architecture:
        """Draws an architecture, with ``rng.random()`` only.

        Args:
            rng: The generator; the same seed gives the same architectures under every version of Python.
            uniform: Draw every decision by itself, or every architecture with the same probability.

        Raises:
            ConstraintError: None was found that satisfies the constraints; one of them is named.
            UnsupportedError: ``architectures`` in a space with a range of real numbers.
        """
        if uniform == "decisions":
            return sampling.sample(self._plan, self._feasible, rng)
        if uniform == "architectures":
            return sampling.sample_architectures(self._plan, self._feasible, rng)
        raise SettingsError(f"uniform is {uniform!r}; write 'decisions' or 'architectures'.")

    def default(self) -> Architecture:
        """The first value of every decision, or the first architecture that satisfies the constraints.

        Raises:
            ConstraintError: None was found that satisfies the constraints; one of them is named.
        """
        return sampling.default(self._plan, self._feasible)

    def enumerate(self) -> Iterator[Architecture]:
        """All architectures, lazily, in a fixed order: what was written last varies fastest.

        Raises:
            UnsupportedError: The space holds a range of real numbers.
        """
        return sampling.enumerated(self._plan, self._feasible)

    def index_of(self, architecture: Architecture) -> int:
        """Number of an architecture in the order of `enumerate`.

        Raises:
            ArchitectureError: It does not belong to the space.
            UnsupportedError: The space holds a range of real numbers, or constraints and too many architectures.
        """
        self.check(architecture)
        return self._feasible.index_of(architecture)

    def at(self, index: int) -> Architecture:
        """The architecture with a number; see `index_of`.

        Raises:
            ArchitectureError: There is none with this number.
            UnsupportedError: As `index_of`.
        """
        count = self._feasible.count()
        if not 0 <= index < count:
            raise ArchitectureError(f"There is no architecture number {index}; numbers go from 0 to {count - 1}.")
        return from_sorted(dict(sorted(self._feasible.at(index).items())))

    def validate(self, architecture: Mapping[str, Value]) -> tuple[Violation, ...]:
        """Everything that is wrong with an architecture, each finding with its path."""
        return membership.violations(self._plan, architecture)

    def check(self, architecture: Mapping[str, Value]) -> None:
        """Makes sure that an architecture belongs to the space.

        Raises:
            ArchitectureError: It does not; ``violations`` lists everything.
        """
        membership.check(self._plan, architecture)

    def architecture(self, mapping: Mapping[str, object], *, with_defaults: bool = False) -> Architecture:
        """Reads an architecture as people write it.

        The literal that a candidate stands for may be written instead of its key, where that is unambiguous; lists for
        tuples; the candidates of an unordered choice in any order.

        Args:
            mapping: Values by path.
            with_defaults: Fill in the default of what is active and not given.

        Raises:
            ArchitectureError: It does not belong to the space; ``violations`` lists everything.
        """
        return membership.read(self._plan, mapping, with_defaults=with_defaults)

    def values(self, architecture: Mapping[str, Value]) -> membership.LiteralValues:
        """What was chosen, by path: literals of candidates (keys where they have none), numbers and counts.

        Raises:
            ArchitectureError: The architecture does not belong to the space.
        """
        self.check(architecture)
        return membership.literals(self._plan, architecture)

    def neighbours(self, architecture: Architecture) -> Iterator[Architecture]:
        """Every architecture that differs in exactly one decision; see `nascore.space.variation.neighbours`.

        Raises:
            ArchitectureError: The architecture does not belong to the space.
        """
        self.check(architecture)
        return variation.neighbours(self._plan, architecture)

    def mutate(self, architecture: Architecture, rng: random.Random) -> Architecture:
        """Changes exactly one decision, and what depends on it; draws with ``rng.random()`` only.

        Raises:
            ArchitectureError: It does not belong to the space, or no decision has another value.
            ConstraintError: No change was found that satisfies the constraints; one of them is named.
        """
        try:
            return variation.mutate(self._plan, architecture, rng)
        except LookupError:
            # Checked only now, for checking costs more than mutating.
            self.check(architecture)
            raise

    def crossover(self, first: Architecture, second: Architecture, rng: random.Random) -> Architecture:
        """A child with every decision from a parent that has it; draws with ``rng.random()`` only.

        Raises:
            ArchitectureError: A parent does not belong to the space.
            ConstraintError: No child was found that satisfies the constraints; one of them is named.
        """
        self.check(first)
        self.check(second)
        return variation.crossover(self._plan, first, second, rng)

    def encode(self, architecture: Architecture) -> npt.NDArray[np.float64]:
        """The architecture as a vector of shape ``(len(encoding_names),)``; see `nascore.space.encoding`.

        Raises:
            ArchitectureError: The architecture does not belong to the space.
        """
        try:
            return self._encoding.vector(architecture)
        except LookupError:
            self.check(architecture)
            raise

    @property
    def encoding_names(self) -> tuple[str, ...]:
        """What the entries of the vectors of `encode` are."""
        return self._encoding.names

    def freeze(self, partial: Mapping[str, object]) -> SearchSpace:
        """The smaller space in which some decisions are made; its architectures are architectures of this space.

        Args:
            partial: Values by path, as `architecture` reads them.

        Raises:
            SpaceError: A path is unknown, or a value does not fit.
            UnsupportedError: What is left cannot be expressed as a space.
        """
        return SearchSpace(*frozen(self._plan, partial))

    def equals(self, other: SearchSpace) -> bool:
        """Whether both were written the same, with the same types, in the same order."""
        return is_same(self.nodes, other.nodes) and is_same(self.constraints, other.constraints)

    def __eq__(self, other: object) -> bool:
        return self.equals(other) if isinstance(other, SearchSpace) else NotImplemented

    def __hash__(self) -> int:
        return self._hash

    def diff(self, other: SearchSpace) -> tuple[str, ...]:
        """How the other space differs, in readable lines; none if it is the same."""
        return differences(self.nodes, other.nodes, constraints=(self.constraints, other.constraints))

    def to_json(self) -> str:
        """The space file: the proto3 JSON mapping of ``nascore.v1.SearchSpace``, for people."""
        return space_to_json(self.nodes, self.constraints)

    @classmethod
    def from_json(cls, text: str) -> SearchSpace:
        """Reads a space file.

        Raises:
            SpaceError: It is no JSON, no such message, or no valid space; everything wrong is listed, with its place.
        """
        return cls(*space_from_json(text))

    def canonical_json(self) -> bytes:
        """The space file in canonical form (RFC 8785)."""
        return self._canonical_json

    @property
    def fingerprint(self) -> str:
        """SHA-256 of `canonical_json`, 64 hexadecimal digits: the identity of the space in every language."""
        return hashlib.sha256(self._canonical_json).hexdigest()

    @cached_property
    def _plan(self) -> Plan:
        return compile_plan(self._root, self.constraints)

    @cached_property
    def _feasible(self) -> Feasible:
        return Feasible(self._plan)

    @cached_property
    def _encoding(self) -> encoding.Encoding:
        return encoding.layout(self._plan)

    @cached_property
    def _canonical_json(self) -> bytes:
        return space_to_canonical_json(self.nodes, self.constraints)

    @cached_property
    def _hash(self) -> int:
        return hash((self.nodes, self.constraints))
