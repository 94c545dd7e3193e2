"""The space file."""

from __future__ import annotations

import json

import pytest
from nascore.errors import SpaceError
from nascore.space import Candidate, Integer, OneOf, Real, SearchSpace

SPACE = SearchSpace((OneOf("op", (Candidate("16", 16), Candidate("½", 0.5))), Integer("n", 1, 2**60), Real("r", 0, 1)))
CANONICAL = (
    '{"nodes":[{"label":"op","oneOf":{"candidates":[{"key":"16","literal":{"integer":"16"}},'
    '{"key":"½","literal":{"real":0.5}}]}},{"integer":{"high":"1152921504606846976","low":"1"},"label":"n"},'
    '{"label":"r","real":{"high":1,"low":0}}],"specVersion":1}'
)


def test_canonical_form_is_exact():
    assert SPACE.canonical_json() == CANONICAL.encode()


def test_file_for_people_is_indented_and_says_the_same():
    text = SPACE.to_json()
    assert text.startswith('{\n  "specVersion": 1,\n  "nodes": [\n    {\n      "label": "op"')
    assert text.endswith("}\n")
    assert '"key": "½"' in text
    assert json.loads(text) == json.loads(CANONICAL)


def test_names_of_the_proto_file_and_plain_numbers_are_read_as_well():
    written = '{"spec_version": 1, "nodes": [{"label": "n", "integer": {"low": 1, "high": 3, "step": 1}}]}'
    assert SearchSpace.from_json(written) == SearchSpace((Integer("n", 1, 3),))


def node(text):
    return f'{{"specVersion": 1, "nodes": [{{"label": "n", {text}}}]}}'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "Not JSON: Expecting value at line 1, column 1"),
        ('{"specVersion": 1,\n "nodes": }', "line 2, column 11"),
        ("[]", "one JSON dictionary, but this is a list"),
        ("{}", 'spec_version is 0; only version 1 is known. Write "specVersion": 1'),
        ('{"specVersion": 1, "specVersion": 1}', "'specVersion' appears twice"),
        ('{"specVersion": 1, "nodes": [3]}', r"nodes\[0\]: 3 is not a dictionary"),
        ('{"specVersion": 1, "nodes": 3}', "nodes: 3 is not a dictionary"),
        (node('"group": {}, "real": {}'), r"nodes\[0\]: .*multiple"),
        ('{"specVersion": 1, "nodez": []}', 'no field named "nodez"'),
        (node('"kind": {}'), r'nodes\[0\]: Message type "nascore.v1.Node" has no field named "kind"'),
        (node('"integer": {"low": 1}'), r"nodes\[0\].integer.high: is unset; write it"),
        (node('"integer": {"low": "x", "high": 2}'), r"nodes\[0\].integer.low"),
        (node('"integer": {"low": 1.5, "high": 2}'), r"nodes\[0\].integer.low"),
        (node('"integer": {"low": 9223372036854775808, "high": 2}'), r"nodes\[0\].integer.low"),
        (node('"real": {"low": "NaN", "high": 2}'), "low must be a finite number, got nan"),
        (node('"oneOf": {"candidates": []}'), "n: has no candidates"),
        (node('"repeat": {"minCount": -1, "maxCount": 2}'), r"nodes\[0\].repeat.min_count: .*out of range"),
        ('{"specVersion": 1, "nodes": ' + '[{"label": "g", "group": {"children": ' * 200, "Not JSON|deep"),
        (
            '{"specVersion": 1, "nodes": ' + '[{"label": "g", "group": {"children": ' * 60 + "[]" + "}}]" * 60 + "}",
            "deep",
        ),
    ],
)
def test_faulty_file_is_refused_with_its_place(text, fault):
    with pytest.raises(SpaceError, match=fault):
        SearchSpace.from_json(text)
