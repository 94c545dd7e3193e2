"""Every reader of nascore under fuzz: no crash, nothing over a second, no growth."""

import pytest
from nascore.testing.fuzz import FORMATS, NAMED, campaign

FEW = 1_000
MANY = 100_000
GROWTH_BYTES = 64 * 2**20
SEED = 20


@pytest.mark.parametrize("name", FORMATS)
def test_a_sample_of_each_format_breaks_nothing(name: str) -> None:
    report = campaign(FORMATS[name], FEW if name in NAMED else FEW // 4, seed=SEED)
    assert report.is_clean, report
    assert report.accepted + report.refused == report.inputs
    assert report.accepted > 0, "nothing came through: the inputs are too far from what is valid"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", NAMED)
def test_a_hundred_thousand_inputs_break_nothing(name: str) -> None:
    report = campaign(FORMATS[name], MANY, seed=SEED)
    assert report.is_clean, report
    assert report.growth_bytes < GROWTH_BYTES
