"""Members of NAS-Bench-201 have the numbers of parameters and of operations of its table."""

import csv
import gzip
from pathlib import Path

import nas_trial as nas
import pytest
import torch
from nas_trial.hub.nasbench201 import SPACE, architecture
from nascore.errors import InvalidInputError
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

TABLE = Path(__file__).resolve().parents[4] / "shared" / "data" / "nasbench201" / "nasbench201.csv.gz"
ALL_CONV = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
SKIPS = "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|"
NARROW = "|nor_conv_1x1~0|+|none~0|none~1|+|skip_connect~0|skip_connect~1|none~2|"
BEST = next(iter(SPACE.known.values()))


def make() -> nn.Module:
    return SPACE.make(classes=10, channels=3)


def parameters(decisions: object) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in nas.build(make, decisions).parameters())


@pytest.mark.parametrize("text", ["", "|none~0|", NARROW.replace("none~2", "none~1"), NARROW.replace("+", "")])
def test_a_text_that_names_no_member_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="names no member"):
        architecture(text)


def test_the_space_has_the_published_size() -> None:
    size = nas.extract(make).size()
    assert size.low == size.high == SPACE.size == 15_625


@pytest.mark.parametrize(
    ("decisions", "count", "macs"),
    [
        (architecture(ALL_CONV), 1_531_546, 220_119_680),
        (architecture(SKIPS), 73_306, 7_783_040),
        (architecture(NARROW), 101_306, 11_715_200),
        (BEST.decisions, 1_073_466, 153_272_960),
    ],
    ids=["convolutions", "skips", "narrow", "best"],
)
def test_members_have_the_parameters_and_operations_of_the_table(decisions: object, count: int, macs: int) -> None:
    assert parameters(decisions) == count
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        nas.build(make, decisions).eval()(torch.zeros(1, 3, 32, 32))
    assert counter.get_total_flops() == 2 * macs  # the table adds the ten biases of the classifier


@pytest.mark.slow
@pytest.mark.skipif(not TABLE.exists(), reason="the table of NAS-Bench-201 is not here")
def test_every_hundredth_member_has_the_parameters_of_the_table() -> None:
    with gzip.open(TABLE, "rt") as lines:
        for row in list(csv.DictReader(lines))[::100]:
            assert parameters(architecture(row["arch"])) == round(float(row["c10_params_m"]) * 10**6)
