"""MobileNetV3 (Howard et al., 2019), large and small, with elastic widths, depths, kernels and expansions.

Each of five stages chooses its width and depth, each block its kernel, expansion, squeeze-and-excitation and
activation. Narrower blocks share the weights of wider ones, as in Once-for-All (Cai et al., 2020).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType

from torch import Tensor, nn

from nas_trial.hub.blocks import InvertedResidual, SqueezeExcitation, convolution, divisible, kept_strides
from nas_trial.hub.entry import HubSpace, Known, Option
from nas_trial.hub.options import check_known, check_positive, read_options
from nas_trial.layer_choice import LayerChoice
from nas_trial.layers import Linear
from nas_trial.repeat import Repeat
from nas_trial.value_choice import ValueChoice

KERNELS = (3, 5, 7)
MULTIPLIERS = (1.0, 0.5, 0.625, 0.75, 1.25, 1.5, 2.0)
DEPTHS = (1, 4)
_SOURCE = "Howard et al., Searching for MobileNetV3, 2019"
_ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = MappingProxyType({"relu": nn.ReLU, "hardswish": nn.Hardswish})


@dataclass(frozen=True, slots=True)
class Plan:
    """What large and small differ in.

    Attributes:
        first: Channels after the first convolution, and after the first block, which is never expanded.
        widths: Channels of each stage, before they are multiplied.
        strides: Stride of the first convolution, of the first block, and of the first block of each stage.
        expansions: By how much blocks may expand.
        last: Width of the classifier's hidden layer.
    """

    first: int
    widths: tuple[int, ...]
    strides: tuple[int, ...]
    expansions: tuple[float, ...]
    last: int


PLANS: Mapping[str, Plan] = MappingProxyType(
    {
        "large": Plan(16, (24, 40, 80, 112, 160), (2, 1, 2, 2, 2, 1, 2), (3.0, 6.0, 4.0, 2.5, 2.3), 1280),
        "small": Plan(16, (24, 40, 48, 96), (2, 2, 2, 2, 1, 2), (3.0, 6.0, 4.5, 4.0, 3.67), 1024),
    }
)


@dataclass(frozen=True, slots=True)
class MobileNetV3Options:
    """What may be changed of a model.

    Attributes:
        size: ``large`` (five stages) or ``small`` (four).
        width: All widths are multiplied by it, beside what is chosen.
        downsampling: By how much images shrink within the network; strides are given up from the first on.
        dropout: Before the classifier.
    """

    size: str = "large"
    width: float = 1.0
    downsampling: int = 32
    dropout: float = 0.2


class MobileNetV3(nn.Module):
    """A stem, elastic stages, and a classifier; images (N, channels, H, W) to logits (N, classes).

    Args:
        plan: Large or small.
        classes: Number of classes.
        channels: Channels of the images.
        options: What is changed of it.
    """

    def __init__(self, plan: Plan, *, classes: int, channels: int, options: MobileNetV3Options) -> None:
        super().__init__()
        check_positive("width", options.width)
        strides = kept_strides(plan.strides, options.downsampling)
        inputs = divisible(plan.first * options.width)
        self.stem = convolution(channels, inputs, kernel=3, stride=strides[0], activation=nn.Hardswish)
        self.first = _block(inputs, inputs, hidden=None, stride=strides[1], has_shortcut=strides[1] == 1, label="first")
        self.stages = nn.Sequential()
        for number, (base, stride) in enumerate(zip(plan.widths, strides[2:], strict=True), start=1):
            label = f"stage{number}"
            width = divisible(ValueChoice(MULTIPLIERS, label=f"{label}.width") * (base * options.width))
            self.stages.append(Repeat(_copies(label, inputs, width, plan=plan, stride=stride), DEPTHS, label=label))
            inputs = width
        features, last = divisible(plan.widths[-1] * options.width) * 6, divisible(plan.last * options.width)
        self.last = convolution(inputs, features, activation=nn.Hardswish)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.hidden = Linear(features, last)
        self.act = nn.Hardswish()
        self.dropout = nn.Dropout(options.dropout)
        self.classifier = Linear(last, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes)."""
        features = self.pool(self.last(self.stages(self.first(self.stem(images))))).flatten(1)
        logits: Tensor = self.classifier(self.dropout(self.act(self.hidden(features))))
        return logits


def _copies(label: str, inputs: int, width: int, *, plan: Plan, stride: int) -> Callable[[int], InvertedResidual]:
    def block(i: int) -> InvertedResidual:
        before = width if i else inputs
        hidden = divisible(before * ValueChoice(plan.expansions, label=f"{label}.expansion"))
        return _block(before, width, hidden=hidden, stride=1 if i else stride, has_shortcut=i > 0, label=label)

    return block


def _block(
    inputs: int, outputs: int, *, hidden: int | None, stride: int, has_shortcut: bool, label: str
) -> InvertedResidual:
    return InvertedResidual(
        inputs,
        outputs,
        hidden=hidden,
        kernel=ValueChoice(KERNELS, label=f"{label}.kernel"),
        stride=stride,
        # Of one label, so both activations of a block are one decision.
        activation=lambda: LayerChoice(_ACTIVATIONS, label=f"{label}.activation"),
        squeeze=lambda width: LayerChoice(
            {"none": nn.Identity, "squeeze": lambda: SqueezeExcitation(width)}, label=f"{label}.squeeze"
        ),
        has_shortcut=has_shortcut,
    )


def make(*, classes: int, channels: int, **options: Option) -> nn.Module:
    """See `nas_trial.hub.entry.Maker`.

    Raises:
        SettingsError: An option is unknown, or its value not valid.
    """
    chosen = read_options(MobileNetV3Options(), options)
    check_known("size", chosen.size, PLANS)
    return MobileNetV3(PLANS[chosen.size], classes=classes, channels=channels, options=chosen)


def _architecture(first: str, *stages: str) -> dict[str, object]:
    """From tables 1 and 2: of each block the kernel, R(eLU) or H(ard swish), S(queeze) or -, and the expansion."""
    decided = _decisions("first", first)
    for number, blocks in enumerate(stages, start=1):
        label = f"stage{number}"
        decided |= {f"{label}.width": "1.0", label: len(blocks.split())}
        for i, block in enumerate(blocks.split()):
            decided |= _decisions(f"{label}[{i}]/{label}", block)
            decided[f"{label}[{i}]/{label}.expansion"] = str(float(block[3:]))
    return decided


def _decisions(place: str, block: str) -> dict[str, object]:
    return {
        f"{place}.kernel": block[0],
        f"{place}.activation": {"R": "relu", "H": "hardswish"}[block[1]],
        f"{place}.squeeze": {"S": "squeeze", "-": "none"}[block[2]],
    }


SPACE = HubSpace(
    name="mobilenetv3",
    title="MobileNetV3: elastic width, depth, kernels, expansions, squeeze-and-excitation and activations",
    source=_SOURCE,
    input_shape=(3, 224, 224),
    classes=1000,
    make=make,
    options=asdict(MobileNetV3Options()),
    known={
        "mobilenetv3-large-1.0": Known(
            _architecture(
                "3R-", "3R-4 3R-3", "5RS3 5RS3 5RS3", "3H-6 3H-2.5 3H-2.3 3H-2.3", "3HS6 3HS6", "5HS6 5HS6 5HS6"
            ),
            f"{_SOURCE}, table 1",
            parameters=5_483_032,
            macs=216_589_760,
        ),
        "mobilenetv3-small-1.0": Known(
            _architecture("3RS", "3R-4.5 3R-3.67", "5HS4 5HS6 5HS6", "5HS3 5HS3", "5HS6 5HS6 5HS6"),
            f"{_SOURCE}, table 2",
            options={"size": "small"},
            parameters=2_542_856,
            macs=56_510_400,
        ),
    },
)
