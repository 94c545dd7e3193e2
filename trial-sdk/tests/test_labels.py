import nas_trial as nas
import pytest
from nascore.errors import SpaceError
from torch import nn


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.act = nas.LayerChoice([nn.ReLU, nn.GELU])


class Net(nn.Module):
    def __init__(self, *, has_more: bool = False) -> None:
        super().__init__()
        if has_more:
            self.more = nas.LayerChoice([nn.ReLU, nn.GELU])
        self.width = nas.ValueChoice([4, 8])
        self.features = nn.Sequential(
            nas.Linear(2, self.width), Block(), nas.Linear(self.width, nas.ValueChoice([2, 4]))
        )
        self.op = nas.LayerChoice({"a.b": Block, "c": lambda: nn.Sequential(Block())})
        self.pick = nas.InputChoice(2)
        self.stage = nas.Repeat(lambda i: Block(), (1, 2))
        self.deep = nas.Repeat(lambda i: nas.Repeat(lambda j: nas.LayerChoice([nn.ReLU]), 1), 1)
        self.both = nas.Linear(nas.Integer(1, 2) + nas.Integer(3, 4), 2)
        nas.ValueChoice([1, 2])
        self.__dict__["hidden"] = [nas.LayerChoice({"x": lambda: self._hide(Block())})]

    def _hide(self, block: nn.Module) -> nn.Module:
        self.__dict__["more_hidden"] = block
        return nn.Identity()


PATHS = {
    "width",
    "features.1.act",
    "features.2.out_features",
    "op",
    "op/a.b/op.a.b.act",
    "op/c/op.c.0.act",
    "pick",
    "stage",
    "stage[0]/stage.*.act",
    "stage[1]/stage.*.act",
    "deep",
    "deep[0]/deep.*",
    "deep[0]/deep.*[0]/deep.*.*",
    "both.in_features.0",
    "both.in_features.1",
    "ValueChoice-2",
    "LayerChoice-2",
    "LayerChoice-2/x/LayerChoice-2.x.LayerChoice-0",
}


def test_choices_without_labels_are_named_after_their_place() -> None:
    assert {row.path for row in nas.extract(Net).decisions} == PATHS


def test_labels_stay_when_a_choice_is_added_elsewhere() -> None:
    reachable = {path for path in PATHS if "-" not in path}
    assert reachable | {"more"} <= {row.path for row in nas.extract(lambda: Net(has_more=True)).decisions}


def test_every_mode_finds_the_decisions_again() -> None:
    space = nas.extract(Net)
    supernet = nas.build(Net, None)
    for architecture in (space.default(), *list(space.neighbours(space.default()))):
        nas.activate(supernet, architecture)
        built = nas.build(Net, architecture)
        assert (built.op.chosen, built.pick.chosen, len(built.stage)) == (
            supernet.op.chosen,
            supernet.pick.chosen,
            len(supernet.stage),
        )
        assert [block.act.chosen for block in built.stage] == [block.act.chosen for block in supernet.stage]
        assert built.width == nas.current(supernet.width) == int(architecture["width"])


def test_shared_module_is_named_after_its_first_place() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nas.LayerChoice([nn.ReLU])
            self.second = self.first

    assert [row.path for row in nas.extract(Shared).decisions] == ["first"]


def test_choice_that_is_the_model_is_named_after_its_kind() -> None:
    assert [row.path for row in nas.extract(lambda: nas.LayerChoice([nn.ReLU])).decisions] == ["LayerChoice"]


def test_label_that_another_choice_has_is_refused() -> None:
    class Clash(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.op = nas.LayerChoice([nn.ReLU])
            self.other = nas.LayerChoice([nn.ReLU], label="op")

    with pytest.raises(SpaceError, match=r"test_labels.py:\d+ has no label, and 'op'.*label=\.\.\."):
        nas.extract(Clash)
