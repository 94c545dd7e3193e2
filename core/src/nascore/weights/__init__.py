"""Weights of trials: tensors as bytes, and checkpoints in a folder. Torch is not needed."""

from nascore.weights.directory import DirectoryStore
from nascore.weights.manifest import Entry, Manifest
from nascore.weights.tensor import TensorData
from nascore.weights.tensor_wire import tensor_from_message, tensor_to_message

__all__ = ["DirectoryStore", "Entry", "Manifest", "TensorData", "tensor_from_message", "tensor_to_message"]
