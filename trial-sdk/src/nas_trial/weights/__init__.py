"""Weights of networks and stores of checkpoints: save, load, inherit, and store while training goes on."""

from nas_trial.weights.calibration import calibrate
from nas_trial.weights.checkpoints import Progress, load, save, tensors_of
from nas_trial.weights.inheriting import Inherited, inherit
from nas_trial.weights.tensors import from_data, to_data
from nas_trial.weights.uploading import Uploader

__all__ = [
    "Inherited",
    "Progress",
    "Uploader",
    "calibrate",
    "from_data",
    "inherit",
    "load",
    "save",
    "tensors_of",
    "to_data",
]
