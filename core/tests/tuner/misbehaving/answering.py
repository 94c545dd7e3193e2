"""Answers that are none."""

from nascore.record import Budget, Proposal
from nascore.space import Architecture

ANSWERING = {
    "nothing": lambda number, space: None,
    "a text": lambda number, space: "conv3",
    "another number": lambda number, space: Proposal(number + 1, space.default()),
    "a foreign candidate": lambda number, space: Proposal(
        number, Architecture({**space.default(), "layer00": "conv9"})
    ),
    "a foreign path": lambda number, space: Proposal(number, Architecture({**space.default(), "nowhere": "conv3"})),
    "half of it": lambda number, space: Proposal(number, Architecture({"layer00": "conv3"})),
    "no architecture": lambda number, space: Proposal(number),
    "no budget": lambda number, space: Proposal(number, space.default(), budget=Budget("epochs", float("nan"))),
    "a certain draw": lambda number, space: Proposal(number, space.default(), log_prob=0.5),
    "notes without numbers": lambda number, space: Proposal(number, space.default(), notes={"loss": float("nan")}),
    "notes beyond JSON": lambda number, space: Proposal(number, space.default(), notes={"set": {1, 2}}),
    "endless notes": lambda number, space: Proposal(number, space.default(), notes={"text": "x" * 2**20}),
}
