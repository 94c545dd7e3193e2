import pytest
from nascore.cli.limits import as_texts, parse_amount, parse_figure, parse_figures, parse_maximum, worker_limits
from nascore.errors import SettingsError


@pytest.mark.parametrize(
    "text",
    ["", "params", "params=", "=3", "params=0", "params=-3", "params=3X", "params=M", "params=1e999", "params=nan",
     "params=3 000", "params=5ms", "latency=5M", "macs=3MB", "params=٣", "params=3m", "weights=3"],
)  # fmt: skip
def test_what_is_no_limit_is_refused(text):
    with pytest.raises(SettingsError) as caught:
        parse_maximum(text)
    assert caught.value.hint


def test_a_misspelt_figure_is_answered_with_the_right_one():
    with pytest.raises(SettingsError) as caught:
        parse_figure("parms")
    assert "params" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "figure", "limit"),
    [
        ("params=3M", "params", 3e6),
        ("params=3000000", "params", 3e6),
        ("parameters=2.5k", "params", 2500),
        ("macs=300M", "macs", 3e8),
        ("macs=1.2G", "macs", 1.2e9),
        ("latency=5ms", "latency_ms", 5),
        ("latency_ms=5", "latency_ms", 5),
        ("latency=0.25s", "latency_ms", 250),
        ("latency=50us", "latency_ms", 0.05),
        ("activations=8MB", "activation_bytes", 8e6),
        ("memory=64MiB", "activation_bytes", 2**26),
        ("activation_bytes=1e6", "activation_bytes", 1e6),
        (" params = 3 M ", "params", 3e6),
    ],
)
def test_units_are_those_of_the_figure(text, figure, limit):
    assert parse_maximum(text) == (figure, limit)


def test_figures_are_listed_once_each():
    assert parse_figures("macs, params,macs") == ("macs", "params")


def test_limits_reach_workers_as_numbers():
    texts = as_texts({"params": parse_amount("params", "3M"), "latency_ms": 0.1})
    assert worker_limits(texts, ("macs",)) == {
        "NASCORE_MAX": "params=3000000.0,latency_ms=0.1",
        "NASCORE_PROFILE": "macs",
    }


def test_nothing_is_told_where_nothing_was_said():
    assert worker_limits((), ()) == {}
