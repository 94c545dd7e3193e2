"""The space of PNAS.

Liu, Zoph, Neumann, Shlens, Hua, Li, Fei-Fei, Yuille, Huang, Murphy: Progressive Neural Architecture Search, ECCV 2018.
One cell of five nodes with eight operations, with stride 2 where it reduces; all nodes are the output. The published
networks have 11 cells of 48 channels for CIFAR-10.
"""

from __future__ import annotations

from dataclasses import asdict

from nas_trial.hub.cell_network import CellDesign, NetworkOptions, genotype, maker
from nas_trial.hub.entry import HubSpace, Known

_OPERATIONS = (
    "sep_conv_3x3",
    "sep_conv_5x5",
    "sep_conv_7x7",
    "conv_7x1_1x7",
    "skip_connect",
    "avg_pool_3x3",
    "max_pool_3x3",
    "dil_conv_3x3",
)

_DESIGN = CellDesign(_OPERATIONS, 5, merge="all", is_single=True)
_PUBLISHED = NetworkOptions(layers=11, width=48)

_PNASNET_5 = genotype(
    "cell",
    (
        (("sep_conv_5x5", 0), ("max_pool_3x3", 0)),
        (("sep_conv_7x7", 1), ("max_pool_3x3", 1)),
        (("sep_conv_5x5", 1), ("sep_conv_3x3", 1)),
        (("sep_conv_3x3", 4), ("max_pool_3x3", 1)),
        (("sep_conv_3x3", 0), ("skip_connect", 1)),
    ),
    inputs="any",
)


SPACE = HubSpace(
    name="pnas",
    title="PNAS: one cell of five nodes, eight operations",
    source="Liu et al.: Progressive Neural Architecture Search, ECCV 2018",
    input_shape=(3, 32, 32),
    classes=10,
    make=maker(_DESIGN, _PUBLISHED),
    options=asdict(_PUBLISHED),
    known={
        "pnasnet-5": Known(_PNASNET_5, "Liu et al., 2018, figure 1, as in the authors' code (PNASNet)"),
    },
    size=720**2 * 8**10,
)
"""The space of PNAS for CIFAR-10."""
