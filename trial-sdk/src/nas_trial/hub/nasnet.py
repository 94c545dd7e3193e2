"""The space of NASNet.

Zoph, Vasudevan, Shlens, Le: Learning Transferable Architectures for Scalable Image Recognition, CVPR 2018. Two cells of
five nodes with 13 operations; the loose ends are the output. As in Radosavovic et al. (On Network Design Spaces for
Visual Recognition, 2019) nodes always add up, and only nodes are joined to the output: the authors' own NASNet-A also
joins an input of the cell and has 3.3 million parameters, where the network of DARTS's authors has the 3.1 given here.
"""

from __future__ import annotations

from dataclasses import asdict

from nas_trial.hub.cell_network import CellDesign, NetworkOptions, genotype, maker
from nas_trial.hub.entry import HubSpace, Known

_OPERATIONS = (
    "skip_connect",
    "conv_3x1_1x3",
    "conv_7x1_1x7",
    "dil_conv_3x3",
    "avg_pool_3x3",
    "max_pool_3x3",
    "max_pool_5x5",
    "max_pool_7x7",
    "conv_1x1",
    "conv_3x3",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "sep_conv_7x7",
)

_DESIGN = CellDesign(_OPERATIONS, 5, merge="loose_end")
_PUBLISHED = NetworkOptions(layers=20, width=32)

_NASNET_A = genotype(
    "normal",
    (
        (("sep_conv_5x5", 1), ("sep_conv_3x3", 0)),
        (("sep_conv_5x5", 0), ("sep_conv_3x3", 0)),
        (("avg_pool_3x3", 1), ("skip_connect", 0)),
        (("avg_pool_3x3", 0), ("avg_pool_3x3", 0)),
        (("sep_conv_3x3", 1), ("skip_connect", 1)),
    ),
    inputs="any",
) | genotype(
    "reduce",
    (
        (("sep_conv_5x5", 1), ("sep_conv_7x7", 0)),
        (("max_pool_3x3", 1), ("sep_conv_7x7", 0)),
        (("avg_pool_3x3", 1), ("sep_conv_5x5", 0)),
        (("skip_connect", 3), ("avg_pool_3x3", 2)),
        (("sep_conv_3x3", 2), ("max_pool_3x3", 1)),
    ),
    inputs="any",
)


SPACE = HubSpace(
    name="nasnet",
    title="NASNet: normal and reduction cells of five nodes, 13 operations",
    source="Zoph, Vasudevan, Shlens, Le: Learning Transferable Architectures for Scalable Image Recognition, CVPR 2018",
    input_shape=(3, 32, 32),
    classes=10,
    make=maker(_DESIGN, _PUBLISHED),
    options=asdict(_PUBLISHED),
    known={
        "nasnet-a": Known(
            _NASNET_A, "Zoph et al., 2018, figure 4, as in the reference code of DARTS (NASNet)", parameters=3_061_738
        ),
    },
    size=None,
)
"""The space of NASNet for CIFAR-10."""
