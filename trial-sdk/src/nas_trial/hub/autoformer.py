"""AutoFormer (Chen et al., 2021): vision transformers whose width, depth, heads and hidden layers are chosen.

Heads have 64 dimensions each, whatever the width; attention adds relative positions in two directions to keys and
values; the answer is read from the mean of all patches. All widths are elastic: smaller ones share the leading weights
of larger ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType

import torch
from nascore.errors import SettingsError
from torch import Tensor, nn

from nas_trial.hub.entry import HubSpace, Known, Option
from nas_trial.hub.options import check_known, check_positive, read_options
from nas_trial.layers import Conv2d, Embedding, LayerNorm, Linear
from nas_trial.repeat import Repeat
from nas_trial.value_choice import ValueChoice

HEAD = 64
"""Dimensions of a head."""

RATIOS = (3.0, 3.5, 4.0)
_REACH = 14
_SOURCE = "Chen et al., AutoFormer: Searching Transformers for Visual Recognition, 2021"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a size of AutoFormer offers: widths, numbers of heads, and the lowest and highest depth."""

    widths: tuple[int, ...]
    heads: tuple[int, ...]
    depths: tuple[int, int]


PLANS: Mapping[str, Plan] = MappingProxyType(
    {
        "tiny": Plan((192, 216, 240), (3, 4), (12, 14)),
        "small": Plan((320, 384, 448), (5, 6, 7), (12, 14)),
        "base": Plan((528, 576, 624), (8, 9, 10), (14, 16)),
    }
)


@dataclass(frozen=True, slots=True)
class AutoFormerOptions:
    """What may be changed of a model.

    Attributes:
        size: ``tiny``, ``small`` or ``base``.
        resolution: Height and width of the images.
        downsampling: Height and width of a patch, by which images shrink.
        dropout: In the hidden layers.
    """

    size: str = "tiny"
    resolution: int = 224
    downsampling: int = 16
    dropout: float = 0.0


class RelativePosition(nn.Module):
    """A vector for each pair of places: that of their vertical distance plus that of their horizontal one.

    Args:
        side: Patches along each side.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side
        self.vertical = nn.Embedding(2 * _REACH + 2, HEAD)
        self.horizontal = nn.Embedding(2 * _REACH + 2, HEAD)
        nn.init.trunc_normal_(self.vertical.weight, std=0.02)
        nn.init.trunc_normal_(self.horizontal.weight, std=0.02)

    def forward(self) -> Tensor:
        """Vectors (places, places, 64), the class token first."""
        index = _distances(self.side, self.vertical.weight.device)
        vectors: Tensor = self.vertical(index[0]) + self.horizontal(index[1])
        return vectors


def _distances(side: int, device: torch.device) -> Tensor:
    """Vertical and horizontal distance of all pairs of places (2, places, places), from 1 on; 0 for the class token."""
    place = torch.arange(side * side, device=device)
    axes = torch.stack((place // side, place % side))
    distances = (axes[:, None, :] - axes[:, :, None]).clamp(-_REACH, _REACH) + _REACH + 1
    return nn.functional.pad(distances, (1, 0, 1, 0))


class Attention(nn.Module):
    """Self-attention with relative positions.

    Args:
        width: Width of the tokens.
        heads: Number of heads, of 64 dimensions each.
        side: Patches along each side.
    """

    def __init__(self, width: int, heads: int, *, side: int) -> None:
        super().__init__()
        inner = heads * HEAD
        self.query = Linear(width, inner)
        self.key = Linear(width, inner)
        self.value = Linear(width, inner)
        self.key_position = RelativePosition(side)
        self.value_position = RelativePosition(side)
        self.project = Linear(inner, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (N, places, width) to tokens of the same shape."""
        query, key, value = (_by_head(part(tokens)) for part in (self.query, self.key, self.value))
        query = query * HEAD**-0.5
        scores = query @ key.transpose(-2, -1)  # (N, heads, places, places)
        scores = scores + _per_place(query, self.key_position().transpose(-2, -1))
        weights = scores.softmax(dim=-1)
        made = weights @ value + _per_place(weights, self.value_position())  # (N, heads, places, 64)
        projected: Tensor = self.project(made.transpose(1, 2).flatten(2))
        return projected


def _by_head(tokens: Tensor) -> Tensor:
    """From (N, places, heads * 64) to (N, heads, places, 64)."""
    count, places, width = tokens.shape
    return tokens.reshape(count, places, width // HEAD, HEAD).transpose(1, 2)


def _per_place(left: Tensor, right: Tensor) -> Tensor:
    """Products with a matrix for each place: (N, heads, places, a) and (places, a, b) to (N, heads, places, b)."""
    rows = left.flatten(0, 1).transpose(0, 1)  # (places, N * heads, a)
    return (rows @ right).transpose(0, 1).reshape(*left.shape[:3], right.shape[2])


class Block(nn.Module):
    """Attention and a hidden layer, each normalised before and added to what came in.

    Args:
        width: Width of the tokens.
        heads: Numbers of heads to choose from.
        side: Patches along each side.
        dropout: In the hidden layer.
    """

    def __init__(self, width: int, heads: tuple[int, ...], *, side: int, dropout: float) -> None:
        super().__init__()
        hidden = round(width * ValueChoice(RATIOS, label="ratio"))
        self.attention_norm = LayerNorm(width)
        self.attention = Attention(width, ValueChoice(heads, label="heads"), side=side)
        self.hidden_norm = LayerNorm(width)
        self.hidden = nn.Sequential(
            Linear(width, hidden), nn.GELU(), nn.Dropout(dropout), Linear(hidden, width), nn.Dropout(dropout)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (N, places, width) to tokens of the same shape."""
        tokens = tokens + self.attention(self.attention_norm(tokens))
        made: Tensor = tokens + self.hidden(self.hidden_norm(tokens))
        return made


class AutoFormer(nn.Module):
    """Patches, blocks, and a classifier; images (N, channels, resolution, resolution) to logits (N, classes).

    Args:
        plan: What is offered.
        classes: Number of classes.
        channels: Channels of the images.
        options: What is changed of it.

    Raises:
        SettingsError: Patches do not divide the image.
    """

    def __init__(self, plan: Plan, *, classes: int, channels: int, options: AutoFormerOptions) -> None:
        super().__init__()
        side = _patches(options)
        width = ValueChoice(plan.widths, label="width")
        self.patches = Conv2d(channels, width, options.downsampling, options.downsampling)
        self.token = Embedding(1, width)
        self.position = Embedding(side * side + 1, width)
        nn.init.trunc_normal_(self.token.weight, std=0.02)
        nn.init.trunc_normal_(self.position.weight, std=0.02)
        self.blocks = Repeat(
            lambda i: Block(width, plan.heads, side=side, dropout=options.dropout), plan.depths, label="depth"
        )
        self.norm = LayerNorm(width)
        self.classifier = Linear(width, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes)."""
        patches = self.patches(images).flatten(2).transpose(1, 2)  # (N, places - 1, width)
        place = torch.arange(patches.shape[1] + 1, device=patches.device)
        token = self.token(place[:1]).expand(len(images), -1, -1)
        tokens = torch.cat((token, patches), dim=1) + self.position(place)
        logits: Tensor = self.classifier(self.norm(self.blocks(tokens))[:, 1:].mean(dim=1))
        return logits


def _patches(options: AutoFormerOptions) -> int:
    check_positive("downsampling", options.downsampling)
    check_positive("resolution", options.resolution)
    if options.resolution % options.downsampling:
        raise SettingsError(
            f"Patches of {options.downsampling} pixels do not divide images of {options.resolution} pixels.",
            hint="Choose the option downsampling among the divisors of resolution.",
        )
    return options.resolution // options.downsampling


def make(*, classes: int, channels: int, **options: Option) -> nn.Module:
    """See `nas_trial.hub.entry.Maker`.

    Raises:
        SettingsError: An option is unknown, or its value not valid.
    """
    chosen = read_options(AutoFormerOptions(), options)
    check_known("size", chosen.size, PLANS)
    return AutoFormer(PLANS[chosen.size], classes=classes, channels=channels, options=chosen)


def _architecture(width: int, ratios: str, heads: str) -> dict[str, object]:
    blocks = list(zip(ratios.split(), heads.split(), strict=True))
    decided: dict[str, object] = {"width": str(width), "depth": len(blocks)}
    for i, (ratio, count) in enumerate(blocks):
        decided |= {f"depth[{i}]/ratio": str(float(ratio)), f"depth[{i}]/heads": count}
    return decided


def _known(size: str, published: str, decisions: dict[str, object], *, parameters: int | None = None) -> Known:
    return Known(decisions, f"{_SOURCE}; {published}", options={"size": size}, parameters=parameters)


SPACE = HubSpace(
    name="autoformer",
    title="AutoFormer: width and depth of a vision transformer, heads and hidden layer of each block",
    source=_SOURCE,
    input_shape=(3, 224, 224),
    classes=1000,
    make=make,
    options=asdict(AutoFormerOptions()),
    known={
        "autoformer-tiny": _known(
            "tiny",
            "AutoFormer-T: 5.7 M parameters",
            _architecture(192, "3.5 3.5 3 3.5 3 3 4 4 3.5 4 3.5 4 3.5", "3 3 3 3 3 3 3 3 3 3 4 3 3"),
        ),
        "autoformer-small": _known(
            "small",
            "AutoFormer-S: 22.9 M parameters",
            _architecture(384, "3 3.5 3 3.5 4 4 4 4 4 4 4 3.5 4", "6 6 5 7 5 5 5 6 6 7 7 6 7"),
        ),
        "autoformer-base": _known(
            "base",
            "AutoFormer-B: 54 M parameters",
            _architecture(576, "3.5 3.5 4 3.5 4 3.5 3.5 3 4 4 3 4 3 3.5", "9 9 9 9 9 10 9 9 10 9 10 9 9 10"),
        ),
    },
)
