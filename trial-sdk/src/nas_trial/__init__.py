"""The trial SDK: write a PyTorch model with choices in it, and train it under any tuner."""

from nas_trial import hub
from nas_trial.build import build
from nas_trial.cell import Cell
from nas_trial.connect import Session, connect
from nas_trial.export import ExportError, export_onnx, export_source
from nas_trial.extract import extract
from nas_trial.failures import Infeasible, NonFiniteError, Stopped
from nas_trial.input_choice import InputChoice
from nas_trial.layer_choice import LayerChoice
from nas_trial.layers import (
    GRU,
    LSTM,
    RNN,
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    Branch,
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    Dropout,
    Embedding,
    GroupNorm,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
    LayerNorm,
    Linear,
    MultiheadAttention,
    PReLU,
    RMSNorm,
    elastic,
)
from nas_trial.mutation import Slot, mutate
from nas_trial.oneshot.executor import ExecutorOptions
from nas_trial.oneshot.options import SearchOptions
from nas_trial.profile import Latency, Profile, latency, profile
from nas_trial.repeat import Repeat
from nas_trial.run import run
from nas_trial.search import SearchResult, search
from nas_trial.session_trial import SessionTrial
from nas_trial.sharing import SharedWeights
from nas_trial.supernet import activate, copy_weights, slices
from nas_trial.trial import Trial
from nas_trial.value_choice import Integer, Real, ValueChoice
from nas_trial.value_functions import choose, current, maximum, minimum, select
from nas_trial.values import Value
from nas_trial.weights import inherit as inherit_weights
from nas_trial.weights import load as load_weights
from nas_trial.weights import save as save_weights

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "Branch",
    "Cell",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "Dropout",
    "Embedding",
    "ExecutorOptions",
    "ExportError",
    "GroupNorm",
    "Infeasible",
    "InputChoice",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "Integer",
    "Latency",
    "LayerChoice",
    "LayerNorm",
    "Linear",
    "MultiheadAttention",
    "NonFiniteError",
    "PReLU",
    "Profile",
    "RMSNorm",
    "Real",
    "Repeat",
    "SearchOptions",
    "SearchResult",
    "Session",
    "SessionTrial",
    "SharedWeights",
    "Slot",
    "Stopped",
    "Trial",
    "Value",
    "ValueChoice",
    "activate",
    "build",
    "choose",
    "connect",
    "copy_weights",
    "current",
    "elastic",
    "export_onnx",
    "export_source",
    "extract",
    "hub",
    "inherit_weights",
    "latency",
    "load_weights",
    "maximum",
    "minimum",
    "mutate",
    "profile",
    "run",
    "save_weights",
    "search",
    "select",
    "slices",
]
