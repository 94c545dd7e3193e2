"""Stand-alone code: an architecture written out, without the SDK."""

from __future__ import annotations

import json

import pytest
from nas_trial_plugin.annotation import AnnotationError, KeyStyle, compile_files
from nascore.errors import ArchitectureError

SOURCE = """
def build(x, out1, out2):
\t'''@nni.mutable_layers({
\t\tlayer_choice: [conv(ch=128), pool],
\t\tfixed_inputs: [x], optional_inputs: [out1, out2.y[0]], optional_input_size: [0, 2],
\t\tlayer_output: out3
\t}, {
\t\tlayer_choice: [conv(ch=64)], input_aggregate: cat(dim=1), post_process: plus,
\t\toptional_inputs: [out1, out3], optional_input_size: 1, layer_output: out4
\t})'''  # both
\t'''@nni.variable(nni.quniform(0, 1, 0.25), name=rate)'''
\trate = \\
\t\t0.3
\t'@nni.variable(nni.choice("relu", torch.tanh, 2), name=act)'
\tact = None
\t'@nni.function_choice(f(1), g(rate, k=2), name=f)'
\treturn f ( 1 ) + out4
\t'@nni.report_final_result(rate)'
"""
FLAT = {
    "build:out3": "pool()",
    "build:out3:inputs": ["out2.y[0]", "out1"],
    "build:out4": "conv(ch=64)",
    "build:out4:inputs": ["out3"],
    "build.rate": "0.75",
    "build.act": "torch.tanh",
    "build.f()": "g(rate, k=2)",
}
ALONE = """
def build(x, out1, out2):
\tout3 = pool([[x], [out1, out2.y[0]]])
\tout4_inputs = [out3]
\tout4 = plus([conv(cat([[], out4_inputs], dim=1), ch=64), out4_inputs])  # both
\trate = \\
\t\t0.75
\tact = torch.tanh
\treturn g(rate, k=2) + out4
\t'@nni.report_final_result(rate)'
"""


def alone(source: str, architecture: object, **options: object) -> str:
    files = {"net.py": source.encode()}
    text = json.dumps(architecture)
    made = compile_files(files, shown={"net.py": "net.py"}, is_tree=False, architecture=text, **options)
    assert sorted(made.files) == ["net.py"]
    return made.files["net.py"].decode()


def test_what_was_chosen_is_written_out_and_all_else_stays() -> None:
    assert alone(SOURCE, FLAT) == ALONE


def test_line_ends_stay() -> None:
    assert alone(SOURCE.replace("\n", "\r\n"), FLAT) == ALONE.replace("\n", "\r\n")


@pytest.mark.parametrize("keys", KeyStyle)
def test_nnis_architecture_is_read_too(keys: KeyStyle) -> None:
    block = "net/mutable_block_3" if keys is KeyStyle.NNI else "build"
    names = ("mutable_layer_0", "mutable_layer_1") if keys is KeyStyle.NNI else ("out3", "out4")
    rate, act, f = (
        ("net/rate/quniform", "net/act/choice", "net/f/function_choice")
        if keys is KeyStyle.NNI
        else ("build.rate", "build.act", "build.f()")
    )
    chosen = {
        block: {
            names[0]: {"chosen_layer": "pool()", "chosen_inputs": ["out1", "out2.y[0]"]},
            names[1]: {"chosen_layer": "conv(ch=64)", "chosen_inputs": ["out3"]},
        },
        rate: 0.75,
        act: "torch.tanh",
        f: "g(rate, k=2)",
    }
    assert alone(SOURCE, chosen, keys=keys) == ALONE


def test_an_architecture_that_does_not_fit_is_refused_with_every_reason() -> None:
    with pytest.raises(ArchitectureError) as caught:
        alone(SOURCE, FLAT | {"build:out3": "conv(ch=12)", "build:out4:inputs": ["out1", "out3"]})
    assert [violation.field for violation in caught.value.violations] == ["build:out3", "build:out4:inputs"]


def test_an_architecture_that_is_incomplete_is_refused() -> None:
    with pytest.raises(ArchitectureError, match=r"build\.act: is missing"):
        alone(SOURCE, {"build:out4": "conv(ch=64)"})


def test_a_name_of_the_file_is_not_taken() -> None:
    assert "out4_inputs_ = [out3]" in alone(SOURCE + "out4_inputs = 1\n", FLAT)


@pytest.mark.parametrize(
    ("first", "name", "told"),
    [
        ("class Conv(Module): pass", "Conv", r"Conv is a class.*as self\.out_conv"),
        ("from ops import Conv", "Conv", r"Conv is named as a class.*as self\.out_conv"),
        ("import ops", "ops.Conv", r"ops\.Conv is named as a class.*as self\.out_conv"),
    ],
)
def test_a_class_as_candidate_is_refused_with_the_remedy(first: str, name: str, told: str) -> None:
    source = f"{first}\n'@nni.mutable_layers({{layer_choice: [{name}(ch=1)], layer_output: out}})'\n"
    with pytest.raises(AnnotationError, match=told):
        alone(source, {"net:out": f"{name}(ch=1)"})


def test_an_annotation_behind_the_head_of_a_block_stays_there() -> None:
    layers = "{layer_choice: [f, g], layer_output: out}, {layer_choice: [g], layer_output: o}"
    source = f"if x: '@nni.mutable_layers({layers})'; y = 1\n"
    made = alone(source, {"net:out": "g()", "net:o": "g()"})
    assert made == "if x: out = g([[], []]); o = g([[], []]); y = 1\n"
