"""Files of NNI's, drawn by chance."""

from __future__ import annotations

import string

import pytest
from hypothesis import strategies as st
from nascore.nni import Choice, Dialect, InputChoice, LayerChoice, MutableLayer, Nested, NniSpace, Range

NAMES = st.text(string.ascii_letters + "_()=, /:\\éß'\"", max_size=8).map(lambda name: f"n{name}.")
SOME_NAMES = st.lists(NAMES, unique=True, max_size=4)
NUMBERS = st.integers(-1000, 1000) | st.floats(-1e6, 1e6)


@st.composite
def mutable_layers(draw: st.DrawFn, block: str, name: str) -> MutableLayer:
    inputs = draw(SOME_NAMES)
    low, high = sorted((draw(st.integers(0, len(inputs))), draw(st.integers(0, len(inputs)))))
    choice = draw(st.lists(NAMES, unique=True, min_size=1, max_size=4))
    return MutableLayer(block, name, tuple(choice), tuple(inputs), (low, high))


@st.composite
def layered(draw: st.DrawFn) -> tuple[MutableLayer, ...]:
    names = {
        block: draw(st.lists(NAMES, unique=True, min_size=1, max_size=3))
        for block in draw(st.lists(NAMES, unique=True, min_size=1, max_size=3))
    }
    return tuple(draw(mutable_layers(block, name)) for block, layers in names.items() for name in layers)


@st.composite
def ranges(draw: st.DrawFn, key: str) -> Range:
    low, high = sorted((draw(st.integers(1, 50)), draw(st.integers(1, 50))))
    step = draw(st.integers(2, 5))
    kind = draw(st.sampled_from(["uniform", "loguniform", "randint", "quniform", "qloguniform"]))
    if kind == "randint":
        return Range(key, kind, (low, high + 1))
    return Range(key, kind, (low * step, high * step, step) if kind.startswith("q") else (low / 2, high / 2))


@st.composite
def flat_entries(draw: st.DrawFn, key: str, *, level: int = 0) -> LayerChoice | InputChoice | Choice | Range:
    kind = draw(
        st.sampled_from(["range", "choice", "nested", "layers", "inputs"][: 5 if level == 0 else 2 + (level < 2)])
    )
    names = draw(st.lists(NAMES, unique=True, min_size=1, max_size=4))
    if kind == "layers":
        return LayerChoice(key, tuple(names))
    if kind == "inputs":
        some = tuple(draw(st.sampled_from([name, ""])) for name in names)
        return InputChoice(key, some, draw(st.none() | st.integers(0, len(some))))
    if kind == "choice":
        values = (
            st.booleans() | NUMBERS | st.none() | st.text(max_size=5) | st.lists(st.integers(), max_size=2).map(tuple)
        )
        options = draw(st.lists(values, min_size=1, max_size=4, unique_by=lambda value: (type(value).__name__, value)))
        return Choice(key, tuple(options))
    if kind == "nested":
        inner = [tuple(draw(flat_entries(name, level=level + 1)) for name in draw(SOME_NAMES)) for _ in names]
        if any(inner):
            return Choice(key, tuple(Nested(name, each) for name, each in zip(names, inner, strict=True)))
    return draw(ranges(key))


@st.composite
def spaces(draw: st.DrawFn) -> NniSpace:
    dialect = draw(st.sampled_from(Dialect))
    if dialect is not Dialect.FLAT:
        return NniSpace(dialect, draw(layered()))
    keys = draw(st.lists(NAMES, unique=True, min_size=1, max_size=4))
    return NniSpace(dialect, tuple(draw(flat_entries(key)) for key in keys))


@pytest.fixture(scope="session")
def any_space() -> st.SearchStrategy[NniSpace]:
    return spaces()


@pytest.fixture(scope="session")
def any_layers() -> st.SearchStrategy[tuple[MutableLayer, ...]]:
    return layered()
