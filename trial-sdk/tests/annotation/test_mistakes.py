"""What is wrong is found, with its place, field and remedy; what NNI took without a word is read only on request."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from nas_trial_plugin.annotation import AnnotationError, compile_files
from nascore.space import SearchSpace

ROOT = Path(__file__).resolve().parents[3]


def compiled(source: str, **options: object):
    return compile_files({"net.py": source.encode()}, shown={"net.py": "net.py"}, is_tree=False, **options)


def layer(fields: str) -> str:
    return f'def build(x, a, b):\n    """@nni.mutable_layers({{\n        {fields}\n    }})"""\n    return out\n'


def with_size(size: str, inputs: str = "a, b") -> str:
    return layer(f"layer_choice: [f()], layer_output: out, optional_inputs: [{inputs}], optional_input_size: {size}")


def finding(source: str, **options: object):
    with pytest.raises(AnnotationError) as caught:
        compiled(source, **options)
    (found,) = caught.value.findings
    assert found.instead
    return found


FIELDS = {
    "no layer_choice": (layer("layer_output: out"), "layer_choice", "is missing"),
    "no layer_output": (layer("layer_choice: [f()]"), "layer_output", "is missing"),
    "unexpected": (layer("layer_choise: [f()], layer_choice: [f()], layer_output: out"), "layer_choise", "no such"),
    "duplicate": (layer("layer_choice: [f()], layer_choice: [g()], layer_output: out"), "layer_choice", "twice"),
    "alias and field": (
        layer("layer_choice: [f()], layer_output: out, optional_inputs: [a], input_candidates: [b], input_num: 1"),
        "optional_inputs",
        "twice",
    ),
    "quoted key": (layer("'layer_choice': [f()], layer_choice: [f()], layer_output: out"), "layer_choice", "in quotes"),
    "number as key": (layer("1: [f()], layer_choice: [f()], layer_output: out"), "", "no field"),
    "unpacked": (layer("**more, layer_choice: [f()], layer_output: out"), "", r"\*\* is not read"),
    "choice is no list": (layer("layer_choice: f(), layer_output: out"), "layer_choice", "no list"),
    "empty choice": (layer("layer_choice: [], layer_output: out"), "layer_choice", "nothing to choose"),
    "positional": (layer("layer_choice: [f(128)], layer_output: out"), "layer_choice", "128 in f.128. has no keyword"),
    "starred": (layer("layer_choice: [f(**k)], layer_output: out"), "layer_choice", r"\*\* in"),
    "no call": (layer("layer_choice: [1], layer_output: out"), "layer_choice", "1 is no call"),
    "call of a call": (layer("layer_choice: [f()()], layer_output: out"), "layer_choice", "no call of a function"),
    "output in quotes": (layer("layer_choice: [f()], layer_output: 'out'"), "layer_output", "no variable name"),
    "output is an attribute": (layer("layer_choice: [f()], layer_output: self.out"), "layer_output", "self.out is no"),
    "inputs are no list": (
        layer("layer_choice: [f()], layer_output: out, fixed_inputs: a"),
        "fixed_inputs",
        "a is no list",
    ),
    "starred input": (
        layer("layer_choice: [f()], layer_output: out, fixed_inputs: [*a]"),
        "fixed_inputs",
        "is not read",
    ),
    "no size": (
        layer("layer_choice: [f()], layer_output: out, optional_inputs: [a]"),
        "optional_input_size",
        "is missing",
    ),
    "aggregate": (layer("layer_choice: [f()], layer_output: out, input_aggregate: 3"), "input_aggregate", "no call"),
    "post": (layer("layer_choice: [f()], layer_output: out, post_process: g(1)"), "post_process", "has no keyword"),
    "size -1": (with_size("-1"), "optional_input_size", "-1 is less than 0"),
    "size [1]": (with_size("[1]"), "optional_input_size", r"\[1\] is no range"),
    "size []": (with_size("[]"), "optional_input_size", r"\[\] is no range"),
    "size n": (with_size("n"), "optional_input_size", "n is no number"),
    "size True": (with_size("True"), "optional_input_size", "True is no number"),
    "size 'two'": (with_size("'two'"), "optional_input_size", "'two' is no number"),
    "size [1, x]": (with_size("[1, x]"), "optional_input_size", "x is no number"),
}

FORGIVEN = {
    'size "1"': (with_size('"1"'), "optional_input_size", "no whole number", (1, 1)),
    "size 1.5": (with_size("1.5"), "optional_input_size", "no whole number", (1, 1)),
    "size [3, 1]": (with_size("[2, 1]"), "optional_input_size", "begins above its end", (1, 2)),
    "size [0, 1, 2]": (with_size("[0, 1, 2]"), "optional_input_size", "has 3 numbers", (0, 1)),
    "more than there are": (with_size("5"), "optional_input_size", "5 inputs cannot be chosen of 2", (2, 2)),
    "a range beyond": (with_size("[1, 5]"), "optional_input_size", "5 inputs cannot", (1, 2)),
    "duplicate inputs": (with_size("1", "a, b, a"), "optional_inputs", "a stands twice", (1, 1)),
    "empty inputs": (
        layer("layer_choice: [f()], layer_output: out, optional_inputs: []"),
        "optional_inputs",
        "nothing to choose",
        None,
    ),
    "size without inputs": (
        layer("layer_choice: [f()], layer_output: out, optional_input_size: 1"),
        "optional_input_size",
        "no optional_inputs",
        None,
    ),
    "duplicate choices": (
        layer("layer_choice: [f(a=1), f( a = 1 ), f], layer_output: out"),
        "layer_choice",
        r"f\(a=1\) stands twice",
        None,
    ),
}


@pytest.mark.parametrize("mistake", FIELDS.values(), ids=FIELDS)
def test_a_wrong_field_is_named_with_its_place_and_its_remedy(mistake) -> None:
    source, field, message = mistake
    found = finding(source)
    assert found.field == field
    assert re.search(message, found.message)
    assert found.place.file == "net.py"
    assert found.place.line in (2, 3)
    assert found == finding(source, is_lenient=True)


@pytest.mark.parametrize("mistake", FORGIVEN.values(), ids=FORGIVEN)
def test_what_nni_took_in_silence_is_an_error_and_is_read_as_nni_did_on_request(mistake) -> None:
    source, field, message, size = mistake
    found = finding(source)
    assert (found.field, found.place.line) == (field, 3)
    assert re.search(message, found.message)
    lenient = compiled(source, is_lenient=True)
    assert [forgiven.message for forgiven in lenient.forgiven] == [found.message]
    assert lenient.forgiven[0].instead != found.instead
    inputs = [node for node in lenient.space.nodes if node.label.endswith(":inputs")]
    assert [(node.min_chosen, node.max_chosen) for node in inputs] == ([] if size is None else [size])


def annotation(text: str, after: str = "x = 1\n") -> str:
    return f'"""{text}"""\n{after}'


WHOLES = {
    "unparsable": (annotation("@nni.mutable_layers({layer_choice: [f(], layer_output: out})"), "is not Python"),
    "several": (annotation("@nni.get_next_parameter()\n@nni.report_final_result(1)"), "is not Python"),
    "several statements": (annotation("@nni.get_next_parameter(); f()"), "2 statements stand in one"),
    "no call": (annotation("@nni.variable"), "not a call"),
    "an assignment": (annotation("@nni.x = 3"), "not a call"),
    "called twice": (annotation("@nni.variable()()"), "is no annotation"),
    "unknown": (annotation("@nni.mutable_layer({})"), "no annotation @nni.mutable_layer"),
    "training_update": (annotation("@nni.training_update(tf, session)"), "no annotation @nni.training_update"),
    "no layers": (annotation("@nni.mutable_layers()"), "There is no layer"),
    "no dictionary": (annotation("@nni.mutable_layers([1])"), "is no layer"),
    "keyword": (annotation("@nni.mutable_layers(layers={layer_choice: [f()], layer_output: a})"), "takes dictionaries"),
    "nested": (
        annotation("@nni.mutable_layers({layer_choice: [f(a='@nni.variable(1)')], layer_output: a})"),
        "stands in an annotation",
    ),
    "null character": (annotation("@nni.mutable_layers(\\0)"), "is not Python"),
    "no target": ('"""@nni.variable(nni.choice(1, 2), name=x)"""', "No statement follows"),
    "no target in a block": (
        'def f():\n    """@nni.variable(nni.choice(1, 2), name=x)"""\nx = 1\n',
        "No statement follows",
    ),
    "annotation of an annotation": (
        annotation("@nni.variable(nni.choice(1, 2), name=x)", '"""@nni.get_next_parameter()"""\n'),
        "Another annotation follows",
    ),
    "another name": (annotation("@nni.variable(nni.choice(1, 2), name=y)"), "does not assign y"),
    "two targets": (annotation("@nni.variable(nni.choice(1, 2), name=x)", "x = y = 1\n"), "does not assign x"),
    "an augmented one": (annotation("@nni.variable(nni.choice(1, 2), name=x)", "x += 1\n"), "does not assign x"),
    "no name": (annotation("@nni.variable(nni.choice(1, 2))"), "is missing"),
    "name in quotes": (annotation("@nni.variable(nni.choice(1, 2), name='x')"), "'x' is no name"),
    "no kind": (annotation("@nni.variable([1, 2], name=x)"), "no kind of choice"),
    "unknown kind": (annotation("@nni.variable(nni.chioce(1, 2), name=x)"), "no such kind"),
    "normal": (annotation("@nni.variable(nni.normal(0, 1), name=x)"), "no such kind"),
    "empty variable": (annotation("@nni.variable(nni.choice(), name=x)"), "nothing to choose"),
    "bounds upside down": (annotation("@nni.variable(nni.uniform(2, 1), name=x)"), "low 2 is above high 1"),
    "log from zero": (annotation("@nni.variable(nni.loguniform(0, 1), name=x)"), "begins above 0"),
    "empty randint": (annotation("@nni.variable(nni.randint(3, 3), name=x)"), "leaves 3 out"),
    "real randint": (annotation("@nni.variable(nni.randint(0.5, 3), name=x)"), "does not have its numbers"),
    "missing step": (annotation("@nni.variable(nni.quniform(0, 3), name=x)"), "does not have its numbers"),
    "no step": (annotation("@nni.variable(nni.quniform(0, 3, 0), name=x)"), "step is 0"),
    "odd steps": (annotation("@nni.variable(nni.qloguniform(1, 3, 0.5), name=x)"), "do not meet"),
    "too many steps": (annotation("@nni.variable(nni.quniform(0, 3, 0.0001), name=x)"), "too many"),
    "keyword kind": (annotation("@nni.variable(nni.uniform(low=0, high=1), name=x)"), "Keywords are not read"),
    "not called": (annotation("@nni.function_choice(f(1), g(1), name=f)"), "does not call f"),
    "no calls": (annotation("@nni.function_choice(name=f)", "f()\n"), "nothing to choose"),
    "choice is no call": (annotation("@nni.function_choice(f, name=f)", "f()\n"), "f is no call"),
    "report of nothing": (annotation("@nni.report_final_result()"), "takes one value"),
    "parameter of something": (annotation("@nni.get_next_parameter(1)"), "takes nothing"),
}


@pytest.mark.parametrize("mistake", WHOLES.values(), ids=WHOLES)
def test_a_wrong_annotation_is_named_with_its_place_and_its_remedy(mistake) -> None:
    source, message = mistake
    found = finding(source)
    assert re.search(message, f"{found.field}: {found.message}")
    assert found.place.line in (1, 2)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"""@nni.mutable_layer({})"""\n', "mutable_layers"),
        ('"""@nni.report_intermediate_results(1)"""\n', "report_intermediate_result"),
        (layer("layer_choise: [f()], layer_choice: [f()], layer_output: out"), "layer_choice"),
        (layer("layer_choice: [f()], layer_output: out, input_aggregat: g"), "input_aggregate"),
        ('"""@nni.variable(nni.unifrom(1, 2), name=x)"""\nx = 1\n', "uniform"),
    ],
)
def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(written: str, meant: str) -> None:
    assert finding(written).instead == f"Did you mean {meant}?"


def test_a_normal_distribution_is_answered_with_the_uniform_one() -> None:
    assert "nni.qloguniform" in finding('"""@nni.variable(nni.qlognormal(1, 2, 1), name=x)"""\nx = 1\n').instead


def test_columns_are_those_of_the_file() -> None:
    source = 'def f():\n    """@nni.mutable_layers({layer_choice: [ä(é=1), g(3)], layer_output: out})"""\n'
    assert str(finding(source).place) == f"net.py:2:{source.splitlines()[1].index('3') + 1}"
    below = "if True:\n  '''@nni.mutable_layers({\n\tlayer_choice: [g(3)],\n layer_output: out})'''\n"
    assert str(finding(below).place) == "net.py:3:19"


def test_an_annotation_with_escapes_is_placed_at_its_string() -> None:
    source = 'x = 1\ny = 2; "@nni.mutable_layers({\\\nlayer_choice: [g(3)], layer_output: out})"\n'
    assert str(finding(source).place) == "net.py:2:8"


def test_everything_wrong_in_all_files_is_listed_at_once_in_order() -> None:
    files = {
        "b.py": annotation("@nni.variable(nni.choice(), name=x)").encode(),
        "a.py": (layer("layer_choice: [f(1), g(2)], size: 3") + annotation("@nni.nothing()")).encode(),
        "pack/c.py": b"def f(:\n    '@nni.variable()'\n",
        "pack/d.py": b"# -*- coding: nonsense -*-\n'@nni.variable()'\n",
        "good.py": b'"""@nni.get_next_parameter()"""\n',
    }
    with pytest.raises(AnnotationError) as caught:
        compile_files(files, shown={name: f"src/{name}" for name in files}, is_tree=True)
    places = [str(found.place) for found in caught.value.findings]
    assert places == [
        "src/a.py:2:28",
        "src/a.py:3:26",
        "src/a.py:3:32",
        "src/a.py:3:37",
        "src/a.py:6:1",
        "src/b.py:1:18",
        "src/pack/c.py:1:7",
        "src/pack/d.py:1:1",
    ]
    assert [violation.field for violation in caught.value.violations] == places
    assert caught.value.message == "8 things are wrong, so nothing was written."


PLAIN = [
    '" @nni.variable(1)"',
    'f"@nni.variable({x})"',
    'b"@nni.variable(1)"',
    'x = "@nni.variable(1)"',
    'g("@nni.v()")',
    '"@nnix.variable(1)"',
]


@pytest.mark.parametrize("source", PLAIN)
def test_other_strings_are_plain_text(source: str) -> None:
    whole = f'x = 3\n{source}\n"""@nni.get_next_parameter()"""\n'
    files = compiled(whole).files
    assert source.encode() in files["net.py"]


def test_code_without_annotations_is_told_what_one_is() -> None:
    with pytest.raises(ValueError, match=r"no annotation in net\.py.*begins with @nni\., without a space"):
        compiled("x = 1\n")


def test_compiled_code_is_not_compiled_again() -> None:
    once = compiled('"""@nni.get_next_parameter()"""\n').files["net.py"].decode()
    found = finding(once)
    assert found.message == "The file is compiled already."


def test_the_table_of_silent_mistakes_shows_what_is_said() -> None:
    page = (ROOT / "docs" / "coming-from-nni.md").read_text(encoding="utf-8").partition("## Annotated code")[2]
    rows = re.findall(r"^\| `(?P<written>[^|]+)` \| [^|]* \| (?P<said>[^|]+) \|$", page, re.MULTILINE)
    rows = [row for row in rows if row[1].partition(":")[0].isidentifier()]
    assert len(rows) == 15
    for written, said in rows:
        shown = written if "layer_output" in written else f"layer_output: out, {written}"
        shown = shown if "layer_choice" in shown else f"layer_choice: [f()], {shown}"
        found = finding(layer(shown))
        assert said == f"{found.field}: {found.message} {found.instead}", written


def test_a_space_that_was_read_leniently_is_a_space_like_any_other() -> None:
    lenient = compiled(with_size('"1"'), is_lenient=True)
    assert SearchSpace.from_json(lenient.files["search_space.json"].decode()) == lenient.space
