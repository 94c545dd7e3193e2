"""Search spaces: what may be built, and everything that can be asked of it without building it."""

from nascore.space.architecture import Architecture, Value, diff
from nascore.space.constraint import Constraint, DecisionValue, Expression, LiteralValue, Operation, Operator
from nascore.space.mixing import MixtureRules
from nascore.space.mixture import MixedDecision, Mixture
from nascore.space.nodes import Candidate, Group, Integer, Literal, Node, OneOf, Real, Repeat, SomeOf
from nascore.space.plan import Condition, DecisionInfo, OrdinalLayout
from nascore.space.size import Size
from nascore.space.space import SearchSpace

__all__ = [
    "Architecture",
    "Candidate",
    "Condition",
    "Constraint",
    "DecisionInfo",
    "DecisionValue",
    "Expression",
    "Group",
    "Integer",
    "Literal",
    "LiteralValue",
    "MixedDecision",
    "Mixture",
    "MixtureRules",
    "Node",
    "OneOf",
    "Operation",
    "Operator",
    "OrdinalLayout",
    "Real",
    "Repeat",
    "SearchSpace",
    "Size",
    "SomeOf",
    "Value",
    "diff",
]
