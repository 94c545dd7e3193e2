"""Layers of ``torch.nn`` whose sizes may be choices, under the same names."""

from nas_trial.layers.convolution import Conv1d, Conv2d, Conv3d, ConvTranspose2d
from nas_trial.layers.linear import Dropout, Embedding, Linear, PReLU
from nas_trial.layers.normalization import BatchNorm1d, BatchNorm2d, BatchNorm3d, GroupNorm, LayerNorm

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose2d",
    "Dropout",
    "Embedding",
    "GroupNorm",
    "LayerNorm",
    "Linear",
    "PReLU",
]
