"""Names that source uses."""

from __future__ import annotations

import ast

from nas_trial.export.names import attribute_names, global_names, own_attributes, reads_attributes_by_computed_name


def test_only_names_of_the_module_are_global() -> None:
    text = """
def forward(self, x, *, scale=SCALE):
    local = [helper(item) for item in x]
    def inner(y):
        return y + local[0] + deep
    return F.relu(inner(len(local)))
"""
    assert global_names(text) == {"SCALE", "helper", "deep", "F"}


def test_a_parameter_hides_a_global_name() -> None:
    assert global_names("def f(helper):\n    return helper()") == set()


def test_annotations_in_quotes_count() -> None:
    assert global_names('def f(x: "Tensor", y: list["Size"]) -> "Result":\n    z: "Local" = x') >= {
        "Tensor", "Size", "Result", "Local",
    }  # fmt: skip


def test_attributes_are_found_also_through_getattr() -> None:
    assert attribute_names(ast.parse("a.b.c = getattr(d, 'e')")) == {"b", "c", "e"}


def test_own_attributes_follow_the_first_parameter() -> None:
    method = ast.parse("def f(this, other):\n    return this.a + other.b + this.c.d").body[0]
    assert own_attributes(method).keys() == {"a", "c"}


def test_attributes_by_computed_names_are_noticed() -> None:
    assert reads_attributes_by_computed_name(ast.parse("getattr(self, f'conv{i}')"))
    assert reads_attributes_by_computed_name(ast.parse("vars(self)"))
    assert not reads_attributes_by_computed_name(ast.parse("getattr(self, 'conv')"))
