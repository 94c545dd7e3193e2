import pytest
from nas_trial.profile import Demands
from nascore.errors import SettingsError


@pytest.mark.parametrize(
    "text", ["params", "params=", "params=3M", "=3", "weights=3", "params=0", "params=-1", "macs=inf", "macs=nan"]
)
def test_what_is_no_limit_is_refused(text):
    with pytest.raises(SettingsError):
        Demands.read({"NASCORE_MAX": text})


def test_an_unknown_figure_is_refused():
    with pytest.raises(SettingsError, match="There is no figure 'flops'"):
        Demands.read({"NASCORE_PROFILE": "flops"})


@pytest.mark.parametrize("environ", [{}, {"NASCORE_MAX": "", "NASCORE_PROFILE": ""}])
def test_nothing_is_demanded_without_a_word(environ):
    assert Demands.read(environ).wanted(["accuracy"]) == ()


def test_limits_and_figures_are_read():
    found = Demands.read({"NASCORE_MAX": "params=3000000,latency_ms=5.5", "NASCORE_PROFILE": "macs"})
    assert found == Demands({"params": 3e6, "latency_ms": 5.5}, ("macs",))


def test_what_costs_least_is_measured_first():
    found = Demands({"latency_ms": 5, "params": 3}, ("macs",)).wanted(["accuracy", "activation_bytes"])
    assert found == ("params", "macs", "activation_bytes", "latency_ms")
