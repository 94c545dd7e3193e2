"""Trials in processes of their own: a warm template that forks, its children, and the channel to them."""

from nas_trial.isolation.channel import Channel
from nas_trial.isolation.death import attempt_of_death
from nas_trial.isolation.template import start_template

__all__ = ["Channel", "attempt_of_death", "start_template"]
