"""Profiles of networks: parameters, multiply-accumulates, memory of activations, and latency on a device."""

from nas_trial.profile.demands import Demands
from nas_trial.profile.figures import Profile, profile
from nas_trial.profile.measuring import figures_of, figures_with
from nas_trial.profile.timing import Latency, latency

__all__ = ["Demands", "Latency", "Profile", "figures_of", "figures_with", "latency", "profile"]
