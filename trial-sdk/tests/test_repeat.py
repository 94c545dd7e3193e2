import nas_trial as nas
import pytest
import torch
from nascore.errors import SpaceError
from nascore.space import Candidate, OneOf, Repeat
from torch import nn


def act(label: str | None = "act") -> nn.Module:
    return nas.LayerChoice({"add": lambda: Add(1), "double": Double}, label=label)


class Add(nn.Module):
    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = nn.Parameter(torch.tensor(float(n)))

    def forward(self, x):
        return x + self.n


class Double(nn.Module):
    def forward(self, x):
        return x * 2


def free() -> nn.Module:
    return nas.Repeat(lambda i: act(), (0, 3), label="n")


def tied() -> nn.Module:
    return nas.Repeat(lambda i: act(), (1, 3), label="n", tied=True)


def test_free_copies_decide_for_themselves() -> None:
    architecture = {"n": 3, "n[0]/act": "add", "n[1]/act": "double", "n[2]/act": "add"}
    assert nas.build(free, architecture)(torch.tensor(1.0)) == 5
    supernet = nas.build(free, None)
    nas.activate(supernet, architecture)
    assert supernet(torch.tensor(1.0)) == 5
    assert list(nas.build(free, architecture).state_dict()) == ["0.add.n", "2.add.n"]


def test_tied_copies_share_their_decisions_but_not_their_weights() -> None:
    built = nas.build(tied, {"n": 3, "n/act": "add"})
    assert built(torch.tensor(1.0)) == 4
    assert len(list(built.parameters())) == 3


def test_no_copies_leave_the_input() -> None:
    assert nas.build(free, {"n": 0})(torch.tensor(7.0)) == 7


def test_node_has_the_choices_of_one_copy() -> None:
    body = (OneOf("act", (Candidate("add"), Candidate("double"))),)
    assert nas.extract(free).nodes == (Repeat("n", body, 0, 3),)
    assert nas.extract(tied).nodes == (Repeat("n", body, 1, 3, tied=True),)


def test_copies_may_be_used_one_by_one() -> None:
    supernet = nas.build(free, None)
    nas.activate(supernet, {"n": 2, "n[0]/act": "add", "n[1]/act": "double"})
    assert len(supernet) == 2
    assert [copy.chosen for copy in supernet] == ["add", "double"]
    assert supernet[-1].chosen == "double"
    for i in (2, -3):
        with pytest.raises(IndexError, match=f"no copy {i}.*has 2"):
            supernet[i]


def test_fixed_number_of_copies_is_a_decision_with_one_value() -> None:
    assert (
        nas.build(lambda: nas.Repeat(lambda i: act(), 2, label="n"), {"n": 2, "n[0]/act": "add", "n[1]/act": "add"})(
            torch.tensor(0.0)
        )
        == 2
    )


def test_copies_may_differ_in_what_is_fixed() -> None:
    assert nas.build(lambda: nas.Repeat(Add, (1, 3), label="n"), {"n": 3})(torch.tensor(0.0)) == 3


def test_default_is_the_fewest_copies() -> None:
    assert len(nas.Repeat(Add, (2, 4))) == 2


def test_count_is_a_value() -> None:
    class Counted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = nas.Repeat(lambda i: nas.Linear(4, 2), (1, 3), label="n")
            self.head = nas.Linear(self.parts.count * 2, 1)

        def forward(self, x):
            return self.head(torch.cat([part(x) for part in self.parts], 1))

    supernet = nas.build(Counted, None)
    for n in (1, 3):
        nas.activate(supernet, {"n": n})
        assert supernet(torch.ones(1, 4)).shape == (1, 1)
        assert nas.build(Counted, {"n": n}).head.weight.shape == (1, 2 * n)


def test_other_arguments_go_to_every_copy() -> None:
    class Shift(nn.Module):
        def forward(self, x, by, *, scale):
            return x + by * scale

    assert nas.Repeat(lambda i: Shift(), 3)(1, 2, scale=10) == 61


def test_shared_decision_in_and_around_a_repeat_is_one_for_all_copies() -> None:
    def factory() -> nn.Module:
        return nn.Sequential(act(), nas.Repeat(lambda i: act(), (2, 2), label="n"))

    assert [row.path for row in nas.extract(factory).decisions] == ["act", "n"]
    assert nas.build(factory, {"act": "double", "n": 2})(torch.tensor(1.0)) == 8


def test_nested_free_repeats_have_a_path_for_every_copy() -> None:
    def factory() -> nn.Module:
        return nas.Repeat(lambda i: nas.Repeat(lambda j: act(), (1, 2), label="inner"), (1, 2), label="outer")

    architecture = {
        "outer": 2,
        "outer[0]/inner": 1,
        "outer[0]/inner[0]/act": "add",
        "outer[1]/inner": 2,
        "outer[1]/inner[0]/act": "double",
        "outer[1]/inner[1]/act": "add",
    }
    assert nas.build(factory, architecture)(torch.tensor(1.0)) == 5


def test_copies_that_offer_different_choices_are_refused_with_both() -> None:
    def factory() -> nn.Module:
        return nas.Repeat(lambda i: act() if i < 2 else nn.Identity(), (1, 3), label="n")

    with pytest.raises(
        SpaceError, match=r"'n' \(test_repeat.py:\d+\).*copy 0 has 'act' \(one of 'add'.*copy 2 has no choices"
    ):
        nas.extract(factory)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda: nas.Repeat(Add, (3, 1), label="n"), "'n'"),
        (lambda: nas.Repeat(Add, (-1, 1), label="n"), "'n'"),
        (lambda: nas.Repeat(Add, 5000), "5000|5,000"),
        (lambda: nas.Repeat(Add, True), "count is True"),
        (lambda: nas.Repeat(Add, (False, 2)), "inclusive range"),
        (lambda: nas.Repeat(Add, (1, 2, 3)), "inclusive range"),
        (lambda: nas.Repeat(Add, 1.0), "count is 1.0"),
        (lambda: nas.Repeat(Add(1), 2), "lambda i"),
        (lambda: nas.Repeat(lambda i: 3, 2), "copy 0 is 3"),
    ],
)
def test_wrong_repeats_are_refused_with_their_line(write, message) -> None:
    with pytest.raises(SpaceError, match=message) as caught:
        write()
    assert "test_repeat.py:" in str(caught.value)
