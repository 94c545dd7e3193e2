"""The trial SDK: write a PyTorch model with choices in it, and train it under any tuner."""

from nas_trial.build import build
from nas_trial.connect import Session, connect
from nas_trial.export import ExportError, export_source
from nas_trial.extract import extract
from nas_trial.failures import Infeasible, NonFiniteError, Stopped
from nas_trial.input_choice import InputChoice
from nas_trial.layer_choice import LayerChoice
from nas_trial.layers import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose2d,
    Dropout,
    Embedding,
    GroupNorm,
    LayerNorm,
    Linear,
    PReLU,
)
from nas_trial.repeat import Repeat
from nas_trial.run import run
from nas_trial.search import SearchResult, search
from nas_trial.session_trial import SessionTrial
from nas_trial.supernet import activate, copy_weights, slices
from nas_trial.trial import Trial
from nas_trial.value_choice import Integer, Real, ValueChoice
from nas_trial.value_functions import current, maximum, minimum
from nas_trial.values import Value
from nas_trial.weights import load as load_weights
from nas_trial.weights import save as save_weights

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose2d",
    "Dropout",
    "Embedding",
    "ExportError",
    "GroupNorm",
    "Infeasible",
    "InputChoice",
    "Integer",
    "LayerChoice",
    "LayerNorm",
    "Linear",
    "NonFiniteError",
    "PReLU",
    "Real",
    "Repeat",
    "SearchResult",
    "Session",
    "SessionTrial",
    "Stopped",
    "Trial",
    "Value",
    "ValueChoice",
    "activate",
    "build",
    "connect",
    "copy_weights",
    "current",
    "export_source",
    "extract",
    "load_weights",
    "maximum",
    "minimum",
    "run",
    "save_weights",
    "search",
    "slices",
]
