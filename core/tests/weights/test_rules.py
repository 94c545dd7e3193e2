import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nascore.errors import InvalidInputError
from nascore.weights.inheritance import Cut, Fit, Initialisation, Rules
from nascore.weights.rules import MAX_RULES_TEXT, PRESETS, Grow, Growth, InheritanceRules, rules_from_json


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ("slice", "Not JSON"),
        ('"slice"', "rules: a JSON object"),
        ('{"preset": "slices"}', "no preset 'slices'"),
        ('{"preset": ["slice"]}', "no preset"),
        ('{"cuts": []}', "no field 'cuts'"),
        ('{"prefixes": {"a": 1}}', r"prefixes\.a: a text"),
        ('{"slices": {}}', "slices: a JSON list"),
        ('{"slices": [{"keys": "*"}]}', r"slices\[0\]\.axes: a JSON list"),
        ('{"slices": [{"keys": "*", "axes": ["middle"]}]}', "'middle' is none of exact, leading, centre"),
        ('{"initialisations": [{"keys": "*", "name": "pickle"}]}', "'pickle' is no initialisation"),
        ('{"initialisations": [{"keys": "*", "name": "gather", "indices": [-1]}]}', "a whole number from 0"),
        ('{"initialisations": [{"keys": "*", "name": "gather", "indices": [true]}]}', "a whole number from 0"),
        ('{"initialisations": [{"keys": "*", "name": "gather", "indices": [0], "scales": [1, 2]}]}', "2 scales"),
        ('{"growths": [{"keys": "*", "how": "dream"}]}', "'dream' is none of overlap, repeat, identity"),
        ('{"growths": [{"how": "repeat"}]}', r"growths\[0\]\.keys: a text"),
        (" " * (MAX_RULES_TEXT + 1), "characters"),
    ],
    ids=lambda text: text[:40],
)
def test_what_is_no_document_of_rules_is_refused(document, what):
    with pytest.raises(InvalidInputError, match=what):
        rules_from_json(document)


@given(
    st.text(max_size=40) | st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5).map(json.dumps)
)
def test_any_text_is_rules_or_refused(text):
    with contextlib.suppress(InvalidInputError):
        assert isinstance(rules_from_json(text), InheritanceRules)


def test_no_text_stands_for_equal_keys_and_shapes():
    assert rules_from_json("") == rules_from_json("{}") == PRESETS["exact"] == InheritanceRules()


def test_a_document_says_all_that_there_is():
    document = {
        "prefixes": {"body.": "model."},
        "slices": [{"keys": "*.weight", "axes": ["leading", "exact", "centre"]}],
        "initialisations": [
            {"keys": "a", "name": "gather", "axis": 1, "indices": [0, 0], "scales": [0.5, 1]},
            {"keys": "b", "name": "identity"},
        ],
        "growths": [{"keys": "c*", "how": "repeat"}, {"keys": "*", "how": "identity"}],
    }
    found = rules_from_json(json.dumps(document))
    assert found.store == Rules(
        prefixes={"body.": "model."},
        cuts=(Cut("*.weight", (Fit.LEADING, Fit.EXACT, Fit.CENTRE)),),
        initialisations=(Initialisation("a", "gather", 1, (0, 0), (0.5, 1.0)), Initialisation("b", "identity")),
    )
    assert found.growths == (Growth("c*", Grow.REPEAT), Growth("*", Grow.IDENTITY))
    assert found.growths_of("d") == (Grow.IDENTITY,)


def test_own_rules_come_before_those_of_the_preset():
    own = '{"preset": "slice", "growths": [{"keys": "head.*", "how": "repeat"}]}'
    assert rules_from_json(own).growths_of("head.weight") == (Grow.REPEAT, Grow.OVERLAP)
    assert rules_from_json(own).store.cuts == PRESETS["slice"].store.cuts
