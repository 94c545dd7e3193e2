"""The space of AmoebaNet.

Real, Aggarwal, Huang, Le: Regularized Evolution for Image Classifier Architecture Search, AAAI 2019. That of NASNet
with eight operations. As in Radosavovic et al. (On Network Design Spaces for Visual Recognition, 2019) only nodes are
joined to the output.
"""

from __future__ import annotations

from dataclasses import asdict

from nas_trial.hub.cell_network import CellDesign, NetworkOptions, genotype, maker
from nas_trial.hub.entry import HubSpace, Known

_OPERATIONS = (
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "sep_conv_7x7",
    "avg_pool_3x3",
    "max_pool_3x3",
    "dil_sep_conv_3x3",
    "conv_7x1_1x7",
)

_DESIGN = CellDesign(_OPERATIONS, 5, merge="loose_end")
_PUBLISHED = NetworkOptions(layers=20, width=36)

_AMOEBANET_A = genotype(
    "normal",
    (
        (("avg_pool_3x3", 0), ("max_pool_3x3", 1)),
        (("sep_conv_3x3", 0), ("sep_conv_5x5", 2)),
        (("sep_conv_3x3", 0), ("avg_pool_3x3", 3)),
        (("sep_conv_3x3", 1), ("skip_connect", 1)),
        (("skip_connect", 0), ("avg_pool_3x3", 1)),
    ),
    inputs="any",
) | genotype(
    "reduce",
    (
        (("avg_pool_3x3", 0), ("sep_conv_3x3", 1)),
        (("max_pool_3x3", 0), ("sep_conv_7x7", 2)),
        (("sep_conv_7x7", 0), ("avg_pool_3x3", 1)),
        (("max_pool_3x3", 0), ("max_pool_3x3", 1)),
        (("conv_7x1_1x7", 0), ("sep_conv_3x3", 5)),
    ),
    inputs="any",
)


SPACE = HubSpace(
    name="amoebanet",
    title="AmoebaNet: normal and reduction cells of five nodes, eight operations",
    source="Real, Aggarwal, Huang, Le: Regularized Evolution for Image Classifier Architecture Search, AAAI 2019",
    input_shape=(3, 32, 32),
    classes=10,
    make=maker(_DESIGN, _PUBLISHED),
    options=asdict(_PUBLISHED),
    known={
        "amoebanet-a": Known(
            _AMOEBANET_A, "Real et al., 2019, figure 5, as in the reference code of DARTS (AmoebaNet)"
        ),
    },
    size=None,
)
"""The space of AmoebaNet for CIFAR-10."""
