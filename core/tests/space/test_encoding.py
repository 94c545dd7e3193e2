"""Vectors."""

from __future__ import annotations

import numpy as np
import pytest
from nascore.errors import ArchitectureError
from nascore.space import Architecture, Candidate, Integer, OneOf, Real, Repeat, SearchSpace, SomeOf
from nascore.testing import choice

SPACE = SearchSpace(
    (
        OneOf(
            "op",
            (Candidate("a", children=(choice("inner", "x", "y"),)), Candidate("z", search_only=True), Candidate("b")),
        ),
        SomeOf("set", tuple(map(Candidate, "pq")), 0, 2),
        SomeOf("bag", tuple(map(Candidate, "pr")), 0, 4, with_replacement=True),
        SomeOf("order", tuple(map(Candidate, "st")), 0, 2, ordered=True),
        Integer("wide", 10, 30),
        Integer("log", 1, 100, log=True),
        Real("real", -1, 1),
        Real("tiny", 1e-4, 1, log=True),
        Repeat("count", (), 1, 5),
        Integer("fixed", 3, 3),
    )
)


def test_entries_are_named_and_filled():
    architecture = SPACE.architecture(
        {"op": "b", "set": ["q"], "bag": ["p", "p", "p"], "order": ["t", "s"], "wide": 15, "log": 10}
        | {"real": 0.0, "tiny": 0.01, "count": 2, "fixed": 3}
    )
    vector = SPACE.encode(architecture)
    named = dict(zip(SPACE.encoding_names, vector.tolist(), strict=True))
    assert vector.dtype == np.float64
    assert named == pytest.approx(
        {"bag=p": 0.75, "bag=r": 0, "count": 0.25, "fixed": 0, "log": 0.5, "op=a": 0, "op=b": 1}
        | {"op/a/inner=x": 0, "op/a/inner=y": 0, "order[0]=s": 0, "order[0]=t": 1, "order[1]=s": 1, "order[1]=t": 0}
        | {"real": 0.5, "set=p": 0, "set=q": 1, "tiny": 0.5, "wide": 0.25}
    )


def test_architecture_of_another_space_is_refused():
    with pytest.raises(ArchitectureError, match="does not fit"):
        SPACE.encode(Architecture({"other": 1}))
