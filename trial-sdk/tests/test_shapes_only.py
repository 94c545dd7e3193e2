import torch
from nas_trial.shapes_only import shapes_only
from torch import nn


def test_modules_have_shapes_and_no_numbers() -> None:
    with shapes_only():
        layers = [nn.Conv2d(2, 3, 3), nn.LSTM(2, 3), nn.MultiheadAttention(4, 2), nn.Embedding(3, 2), nn.BatchNorm1d(2)]
    tensors = [tensor for layer in layers for tensor in layer.state_dict().values()]
    assert all(tensor.is_meta for tensor in tensors)
    assert [tuple(tensor.shape) for tensor in layers[0].state_dict().values()] == [(3, 2, 3, 3), (3,)]


def test_tensors_of_other_devices_are_filled() -> None:
    with shapes_only():
        weight = torch.empty(3, 3, device="cpu")
        assert nn.init.constant_(weight, 2.0).sum() == 18
        assert not nn.init.uniform_(weight).eq(2.0).any()
        assert weight.zero_().sum() == 0
