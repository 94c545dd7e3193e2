"""The space of DARTS.

Liu, Simonyan, Yang: DARTS: Differentiable Architecture Search, ICLR 2019. Two cells of four nodes; a node has two
different inputs, with an operation for each. ``none`` takes part in mixtures only. Members are given as the authors of
each published them, in the network that DARTS trains on CIFAR-10 (20 cells, 36 channels, without the auxiliary head).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from torch import nn

from nas_trial.hub.cell_network import CellDesign, NetworkOptions, genotype, network
from nas_trial.hub.entry import HubSpace, Known, Option
from nas_trial.hub.options import read_options

_OPERATIONS = (
    "none",
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)

_Nodes = Sequence[Sequence[tuple[str, int]]]


@dataclass(frozen=True, slots=True)
class DartsOptions(NetworkOptions):
    """What may be changed of a model; see `NetworkOptions` for the rest.

    DARTS searches with 8 layers of 16 channels, and trains for ImageNet 14 layers of 48 with the large stem.

    Attributes:
        affine: Whether batch norms have weights, and poolings no batch norm; DARTS searches with False.
    """

    layers: int = 20
    width: int = 36
    affine: bool = True


def make(*, classes: int, channels: int, **options: Option) -> nn.Module:
    """See `nas_trial.hub.entry.Maker`.

    Raises:
        SettingsError: An option is unknown, or its value not valid.
    """
    chosen = read_options(DartsOptions(), options)
    design = CellDesign(_OPERATIONS, 4, inputs="distinct", search_only=("none",), affine=chosen.affine)
    return network(design, chosen, classes=classes, channels=channels)


def _decisions(normal: _Nodes, reduce: _Nodes) -> dict[str, object]:
    return genotype("normal", normal, inputs="distinct") | genotype("reduce", reduce, inputs="distinct")


_V1 = _decisions(
    (
        (("sep_conv_3x3", 1), ("sep_conv_3x3", 0)),
        (("skip_connect", 0), ("sep_conv_3x3", 1)),
        (("skip_connect", 0), ("sep_conv_3x3", 1)),
        (("sep_conv_3x3", 0), ("skip_connect", 2)),
    ),
    (
        (("max_pool_3x3", 0), ("max_pool_3x3", 1)),
        (("skip_connect", 2), ("max_pool_3x3", 0)),
        (("max_pool_3x3", 0), ("skip_connect", 2)),
        (("skip_connect", 2), ("avg_pool_3x3", 0)),
    ),
)

_V2 = _decisions(
    (
        (("sep_conv_3x3", 0), ("sep_conv_3x3", 1)),
        (("sep_conv_3x3", 0), ("sep_conv_3x3", 1)),
        (("sep_conv_3x3", 1), ("skip_connect", 0)),
        (("skip_connect", 0), ("dil_conv_3x3", 2)),
    ),
    (
        (("max_pool_3x3", 0), ("max_pool_3x3", 1)),
        (("skip_connect", 2), ("max_pool_3x3", 1)),
        (("max_pool_3x3", 0), ("skip_connect", 2)),
        (("skip_connect", 2), ("max_pool_3x3", 1)),
    ),
)

_PC_DARTS = _decisions(
    (
        (("sep_conv_3x3", 1), ("skip_connect", 0)),
        (("sep_conv_3x3", 0), ("dil_conv_3x3", 1)),
        (("sep_conv_5x5", 0), ("sep_conv_3x3", 1)),
        (("avg_pool_3x3", 0), ("dil_conv_3x3", 1)),
    ),
    (
        (("sep_conv_5x5", 1), ("max_pool_3x3", 0)),
        (("sep_conv_5x5", 1), ("sep_conv_5x5", 2)),
        (("sep_conv_3x3", 0), ("sep_conv_3x3", 3)),
        (("sep_conv_3x3", 1), ("sep_conv_3x3", 2)),
    ),
)

_GDAS = _decisions(
    (
        (("skip_connect", 0), ("skip_connect", 1)),
        (("skip_connect", 0), ("sep_conv_5x5", 2)),
        (("sep_conv_3x3", 3), ("skip_connect", 0)),
        (("sep_conv_5x5", 4), ("sep_conv_3x3", 3)),
    ),
    (
        (("sep_conv_5x5", 0), ("sep_conv_3x3", 1)),
        (("sep_conv_5x5", 2), ("sep_conv_5x5", 1)),
        (("dil_conv_5x5", 2), ("sep_conv_3x3", 1)),
        (("sep_conv_5x5", 0), ("sep_conv_5x5", 1)),
    ),
)

SPACE = HubSpace(
    name="darts",
    title="Normal and reduction cells of four nodes, seven operations",
    source="Liu, Simonyan, Yang: DARTS: Differentiable Architecture Search, ICLR 2019",
    input_shape=(3, 32, 32),
    classes=10,
    make=make,
    options=asdict(DartsOptions()),
    known={
        "darts-v1": Known(
            _V1,
            "Liu et al., 2019, first order (DARTS_V1 of the reference code)",
            parameters=3_169_414,
            macs=500_987_520,
        ),
        "darts-v2": Known(
            _V2,
            "Liu et al., 2019, second order (DARTS_V2 of the reference code)",
            parameters=3_349_342,
            macs=528_359_040,
        ),
        "pc-darts": Known(
            _PC_DARTS,
            "Xu et al., PC-DARTS, ICLR 2020 (PC_DARTS_cifar of the reference code)",
            parameters=3_634_678,
            macs=556_670_592,
        ),
        "gdas": Known(
            _GDAS, "Dong, Yang, GDAS, CVPR 2019 (GDAS_V1 of the reference code)", parameters=3_368_782, macs=519_428_736
        ),
    },
    size=(3 * 6 * 10 * 7**8) ** 2,
)
"""The space of DARTS for CIFAR-10."""
