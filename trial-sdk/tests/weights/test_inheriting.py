import pytest
import torch
from nas_trial.weights import inherit, save
from nascore.errors import InvalidInputError, NotFoundError
from nascore.weights import DirectoryStore
from nascore.weights.rules import PRESETS
from torch import nn

SLICE = '{"preset": "slice"}'


@pytest.fixture
def store(tmp_path):
    return DirectoryStore(tmp_path)


def convolution(width, kernel=3):
    return nn.Sequential(nn.Conv2d(2, width, kernel), nn.BatchNorm2d(width))


def test_what_is_no_rule_or_no_checkpoint_is_refused(store):
    checkpoint = save({}, store, trial=0)
    with pytest.raises(InvalidInputError, match="preset 'slices'"):
        inherit(nn.Linear(1, 1), checkpoint, store, rules='{"preset": "slices"}')
    with pytest.raises(NotFoundError):
        inherit(nn.Linear(1, 1), "0" * 32, store)
    with pytest.raises(InvalidInputError, match="a store of checkpoints"):
        inherit(nn.Linear(1, 1), checkpoint, None)


def test_without_rules_equal_keys_and_shapes_are_taken(store):
    parent, child = convolution(8), nn.Sequential(nn.Conv2d(2, 8, 3), nn.BatchNorm2d(9))
    found = inherit(child, save(parent.state_dict(), store, trial=0), store)
    assert dict(found.taken) == {"0.weight": "exact", "0.bias": "exact", "1.num_batches_tracked": "exact"}
    assert torch.equal(child[0].weight, parent[0].weight)
    assert "[8], not [9]" in found.left["1.weight"]
    assert list(found.left) == ["1.weight", "1.bias", "1.running_mean", "1.running_var"]


def test_a_narrower_network_takes_slices_and_a_wider_one_what_both_have(store):
    parent = convolution(8, kernel=5)
    checkpoint = save(parent.state_dict(), store, trial=0)
    narrow, wide = convolution(4), convolution(12, kernel=5)
    assert inherit(narrow, checkpoint, store, rules=SLICE).taken["0.weight"] == "slice"
    assert torch.equal(narrow[0].weight, parent[0].weight[:4, :, 1:4, 1:4])
    assert inherit(wide, checkpoint, store, rules=PRESETS["slice"]).taken["0.weight"] == "overlap"
    assert torch.equal(wide[0].weight[:8], parent[0].weight)


def test_prefixes_lead_to_the_parents_keys_also_for_what_grows(store):
    parent, child = convolution(8), nn.ModuleDict({"body": convolution(12)})
    checkpoint = save(parent.state_dict(), store, trial=0)
    found = inherit(child, checkpoint, store, rules='{"preset": "slice", "prefixes": {"body.": ""}}')
    assert not found.left
    assert torch.equal(child["body"][0].weight[:8], parent[0].weight)


def test_the_first_of_several_parents_counts_and_those_that_gave_nothing_are_not_named(store):
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    ids = [
        save({"other": torch.zeros(3)}, store, trial=0),
        save({"weight": first.weight}, store, trial=1),
        save(second.state_dict(), store, trial=2),
    ]
    child = nn.Linear(2, 2)
    found = inherit(child, ids, store)
    assert found.parents == tuple(ids[1:])
    assert torch.equal(child.weight, first.weight)
    assert torch.equal(child.bias, second.bias)


def test_the_log_says_what_was_inherited_and_what_not_and_why(store):
    checkpoint = save(nn.Linear(2, 2).state_dict(), store, trial=0)
    child = nn.Sequential(*[nn.Linear(2, 2) for _ in range(3)])
    lines = inherit(child, checkpoint, store, rules='{"prefixes": {"0.": ""}}').lines()
    assert lines[0] == f"2 of 6 tensors from checkpoint {checkpoint} (2 exact)"
    assert lines[1:] == [f"not {key}: the parent has no tensor {key!r}" for key in child.state_dict() if key[0] != "0"]
    assert inherit(nn.Linear(3, 3), [], store).lines() == [
        "0 of 2 tensors from any parent (nothing fits)",
        "not weight, bias: there is no parent",
    ]


def test_element_types_are_not_converted(store):
    checkpoint = save(nn.Linear(2, 2, dtype=torch.float64).state_dict(), store, trial=0)
    found = inherit(nn.Linear(3, 2), checkpoint, store, rules=SLICE)
    assert not found.taken
    assert "float64" in found.left["weight"]


def test_memory_formats_and_shared_tensors_are_kept(store):
    parent, child = nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3).to(memory_format=torch.channels_last)
    inherit(child, save(parent.state_dict(), store, trial=0), store)
    assert child.weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(child.weight, parent.weight)
    tied = nn.ModuleList([nn.Linear(2, 2)] * 2)
    source = nn.ModuleList([nn.Linear(2, 2)] * 2)
    assert not inherit(tied, save(source.state_dict(), store, trial=1), store).left
    assert torch.equal(tied[1].weight, source[0].weight)
