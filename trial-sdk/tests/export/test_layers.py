"""Constructor calls of torch's layers: short, and the same layer again."""

from __future__ import annotations

import nas_trial as nas
import pytest
import torch
from nas_trial.export import ExportError
from nas_trial.export.layers import constructor
from nas_trial.export.layout import flat
from nas_trial.export.values import express
from torch import nn


def written(layer: nn.Module) -> str:
    return flat(constructor(layer, path="layer").call(lambda value: express(value, lambda found: found.__name__)))


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (nn.Conv2d(3, 8, 3, padding=1), "nn.Conv2d(3, 8, 3, padding=1)"),
        (
            nn.Conv2d(4, 8, (3, 5), stride=(2, 1), padding="valid"),
            'nn.Conv2d(4, 8, (3, 5), stride=(2, 1), padding="valid")',
        ),
        (
            nn.Conv2d(4, 4, 3, groups=4, bias=False, padding_mode="reflect", padding=1),
            'nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False, padding_mode="reflect")',
        ),
        (nas.Conv2d(4, 8, 3, padding=1, dilation=2), "nn.Conv2d(4, 8, 3, padding=1, dilation=2)"),
        (nn.ConvTranspose2d(4, 8, 2, stride=2), "nn.ConvTranspose2d(4, 8, 2, stride=2)"),
        (nn.Linear(3, 4, bias=False), "nn.Linear(3, 4, bias=False)"),
        (nn.Linear(3, 4, dtype=torch.float64), "nn.Linear(3, 4, dtype=torch.float64)"),
        (nas.Linear(3, 4), "nn.Linear(3, 4)"),
        (nn.BatchNorm2d(8), "nn.BatchNorm2d(8)"),
        (nn.BatchNorm2d(8, momentum=0.01, affine=False), "nn.BatchNorm2d(8, momentum=0.01, affine=False)"),
        (nn.GroupNorm(2, 8), "nn.GroupNorm(2, 8)"),
        (nn.LayerNorm((4, 4), elementwise_affine=False), "nn.LayerNorm((4, 4), elementwise_affine=False)"),
        (nn.MaxPool2d(2), "nn.MaxPool2d(2)"),
        (
            nn.AvgPool2d(3, 1, 1, count_include_pad=False),
            "nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)",
        ),
        (nn.AdaptiveAvgPool2d((1, 1)), "nn.AdaptiveAvgPool2d((1, 1))"),
        (nn.Dropout(0.5), "nn.Dropout()"),
        (nn.Dropout(0.2), "nn.Dropout(0.2)"),
        (nn.LeakyReLU(0.3, inplace=True), "nn.LeakyReLU(negative_slope=0.3, inplace=True)"),
        (nn.Identity(), "nn.Identity()"),
        (nn.Flatten(), "nn.Flatten()"),
        (nn.Upsample(scale_factor=2, mode="nearest"), "nn.Upsample(scale_factor=2.0)"),
        (nn.Embedding(10, 4, padding_idx=0), "nn.Embedding(10, 4, padding_idx=0)"),
        (nn.LSTM(4, 8, num_layers=2, batch_first=True), "nn.LSTM(4, 8, num_layers=2, batch_first=True)"),
        (nn.RNN(4, 8, nonlinearity="relu"), 'nn.RNN(4, 8, nonlinearity="relu")'),
        (nn.MultiheadAttention(8, 2, batch_first=True), "nn.MultiheadAttention(8, 2, batch_first=True)"),
        (
            nn.TransformerEncoderLayer(8, 2, 16, activation=nn.functional.gelu, norm_first=True),
            "nn.TransformerEncoderLayer(8, 2, dim_feedforward=16, activation=gelu, norm_first=True)",
        ),
        (nn.CrossEntropyLoss(weight=torch.ones(3)), "nn.CrossEntropyLoss(weight=torch.empty(3))"),
    ],
)
def test_a_layer_is_written_with_the_arguments_that_it_has(layer: nn.Module, text: str) -> None:
    assert written(layer) == text


def test_what_was_changed_after_construction_counts() -> None:
    layer = nn.Conv2d(4, 4, 3)
    layer.stride = (2, 2)
    assert written(layer) == "nn.Conv2d(4, 4, 3, stride=2)"


def test_a_layer_that_no_arguments_make_is_refused_with_its_place() -> None:
    layer = nn.Linear(3, 4)
    layer.weight = nn.Parameter(torch.rand(5, 3))
    with pytest.raises(ExportError, match=r"features\.0: Linear has no constructor call"):
        constructor(layer, path="features.0")
