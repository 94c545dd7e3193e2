"""Generated annotated functions: compiled, run and written out, they compute what their annotations say."""

from __future__ import annotations

import importlib.util
import itertools
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nas_trial.annotated.choices import from_architecture
from nas_trial.annotated.program import PROGRAMS, TRIAL
from nas_trial_plugin.annotation import compile_files
from nascore.space import SearchSpace

OPERATIONS = """
CALLED = []


def conv(inputs, ch=1, name="x"):
    CALLED.append(("conv", ch, name))
    return ("conv", ch, name, tuple(inputs[0]), tuple(inputs[1]))


def pool(inputs, k=2):
    CALLED.append(("pool", k))
    return ("pool", k, tuple(inputs[0]), tuple(inputs[1]))


def aggregate(inputs, dim=0):
    return [[("aggregate", dim, tuple(inputs[0]), tuple(inputs[1]))], []]


def post(results, scale=1):
    return ("post", scale, results[0], tuple(results[1]))
"""


@dataclass(frozen=True)
class Call:
    name: str
    arguments: dict[str, object]
    is_bare: bool = False

    def written(self, gap: str) -> str:
        words = [f"{gap}{name}{gap}={gap}{value!r}{gap}" for name, value in self.arguments.items()]
        return self.name if self.is_bare and not words else f"{self.name}({', '.join(words)})"

    @property
    def text(self) -> str:
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in self.arguments.items())})"


@dataclass(frozen=True)
class Layer:
    candidates: list[Call]
    fixed: list[str]
    optional: list[str]
    size: tuple[int, int]
    aggregate: Call | None
    post: Call | None
    output: str
    uses_aliases: bool
    gap: str

    def written(self) -> str:
        names = ("input_candidates", "input_num") if self.uses_aliases else ("optional_inputs", "optional_input_size")
        fields = [f"layer_choice: [{', '.join(call.written(self.gap) for call in self.candidates)}]"]
        fields.append(f"layer_output: {self.output}")
        if self.fixed:
            fields.append(f"fixed_inputs: [{', '.join(self.fixed)}]")
        if self.optional:
            low, high = self.size
            fields.append(f"{names[0]}: [{', '.join(self.optional)}]")
            fields.append(f"{names[1]}: {low if low == high else [low, high]}")
        if self.aggregate:
            fields.append(f"input_aggregate: {self.aggregate.written(self.gap)}")
        if self.post:
            fields.append(f"post_process: {self.post.written(self.gap)}")
        return "{" + ",\n    ".join(fields) + "}"


def calls(*names: str) -> st.SearchStrategy[Call]:
    values = st.sampled_from([1, 128, 2.5, -3])
    of_conv = st.builds(
        lambda ch, name: Call("conv", {"ch": ch, "name": name}), values, st.sampled_from(["a", "b'c", 'd"e', "f\t"])
    )
    of_pool = st.builds(lambda k: Call("pool", k), st.dictionaries(st.just("k"), values, max_size=1))
    bare = st.sampled_from([Call("pool", {}, is_bare=True), Call("conv", {}, is_bare=True)])
    return st.one_of(of_conv, of_pool, bare)


@st.composite
def programs(draw: st.DrawFn) -> list[Layer]:
    known = ["x", "held.y[0]", "x + 1"]
    layers = []
    for number in range(draw(st.integers(1, 3))):
        optional = draw(st.lists(st.sampled_from(known), max_size=3, unique=True))
        low = draw(st.integers(0, len(optional)))
        layer = Layer(
            candidates=draw(st.lists(calls(), min_size=1, max_size=3, unique_by=lambda call: call.text)),
            fixed=draw(st.lists(st.sampled_from(known), max_size=2)),
            optional=optional,
            size=(low, draw(st.integers(low, len(optional)))),
            aggregate=draw(
                st.none() | st.sampled_from([Call("aggregate", {}, is_bare=True), Call("aggregate", {"dim": 1})])
            ),
            post=draw(st.none() | st.sampled_from([Call("post", {}, is_bare=True), Call("post", {"scale": 3})])),
            output=draw(st.sampled_from([f"out{number}", "out"])),
            uses_aliases=draw(st.booleans()),
            gap=draw(st.sampled_from(["", " "])),
        )
        layers.append(layer)
        known = list(dict.fromkeys([*known, layer.output]))
    return layers


@dataclass(frozen=True)
class Style:
    newline: str
    indent: str
    quote: str
    is_one_annotation: bool
    is_method: bool


styles = st.builds(
    Style,
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["    ", "\t", "  "]),
    st.sampled_from(['r"""', "r'''"]),
    st.booleans(),
    st.booleans(),
)


def source_of(layers: list[Layer], style: Style) -> str:
    groups = [layers] if style.is_one_annotation else [[layer] for layer in layers]
    deep = style.indent * (2 if style.is_method else 1)
    lines = [f"class Net:\n{style.indent}def build(self, x, held):" if style.is_method else "def build(x, held):"]
    for group in groups:
        text = ",\n".join(layer.written() for layer in group)
        lines.append(f"{deep}{style.quote}@nni.mutable_layers({text}){style.quote[1:]}  # é\f")
        lines.append(f"{deep}seen = 1 ;  seen += 1")
    outputs = list(dict.fromkeys(layer.output for layer in layers))
    lines.append(f"{deep}return [{', '.join(outputs)}]")
    return (OPERATIONS + "\n".join(lines)).replace("\n", style.newline)


def by_hand(
    layers: list[Layer], architecture: dict[str, object], labels: list[str], module: ModuleType
) -> list[object]:
    """What the functions of the module give, put together as the design says; evaluated without any compiled code."""
    scope = {"x": 5, "held.y[0]": "held", "x + 1": 6}
    for layer, label in zip(layers, labels, strict=True):
        call = next(call for call in layer.candidates if call.text == architecture[label])
        chosen = [scope[name] for name in layer.optional if name in architecture.get(f"{label}:inputs", ())]
        argument: object = [[scope[name] for name in layer.fixed], chosen]
        if layer.aggregate:
            argument = module.aggregate(argument, **layer.aggregate.arguments)
        result = getattr(module, call.name)(argument, **call.arguments)
        scope[layer.output] = module.post([result, chosen], **layer.post.arguments) if layer.post else result
    return [scope[name] for name in dict.fromkeys(layer.output for layer in layers)]


class Held:
    y = ("held",)


@contextmanager
def imported(code: bytes, space: bytes) -> Iterator[ModuleType]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "search_space.json").write_bytes(space)
        (folder / "net.py").write_bytes(code)
        spec = importlib.util.spec_from_file_location("net_under_test", folder / "net.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        is_writing, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        try:
            PROGRAMS._opened.clear()
            spec.loader.exec_module(module)
            yield module
        finally:
            PROGRAMS._opened.clear()
            sys.dont_write_bytecode = is_writing


def run(module: ModuleType, style: Style) -> list[object]:
    module.CALLED.clear()
    return module.Net().build(5, Held) if style.is_method else module.build(5, Held)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(layers=programs(), style=styles)
def test_compiled_code_and_stand_alone_code_do_what_the_annotations_say(layers: list[Layer], style: Style) -> None:
    source = source_of(layers, style)
    files = {"net.py": source.encode()}
    shown = {"net.py": "net.py"}
    made = compile_files(files, shown=shown, is_tree=False)
    code, text = made.files["net.py"], made.files["search_space.json"]
    space = SearchSpace.from_json(text.decode())
    labels = [node.label for node in space.nodes if not node.label.endswith(":inputs")]
    assert_untouched(source, code.decode())
    with imported(code, text) as module:
        assert run(module, style) == by_hand(layers, dict(space.default()), labels, module)
        for architecture in itertools.islice(space.enumerate(), 8):
            wanted = by_hand(layers, dict(architecture), labels, module)
            with TRIAL.deciding(from_architecture(architecture)):
                assert run(module, style) == wanted
            # Lazy: one call for each layer.
            assert len(module.CALLED) == len(layers)
            alone = compile_files(
                files, shown=shown, is_tree=False, architecture=json.dumps(dict(architecture), default=list)
            ).files["net.py"]
            assert b"nas_" not in alone
            assert_untouched(source, alone.decode())
            with imported(alone, text) as single:
                assert run(single, style) == wanted


def assert_untouched(source: str, code: str) -> None:
    """Every line that is no annotation's is there, in order, byte for byte."""
    plain = re.sub(r"(?s)r(\"\"\"|''')@nni.*?\1", "\0", source)
    place = 0
    for piece in plain.split("\0"):
        found = code.find(piece, place)
        assert found >= 0, (piece, code)
        place = found + len(piece)
    assert code[place:] == ""
