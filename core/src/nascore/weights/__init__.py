"""Weights of trials: tensors as bytes, and stores of checkpoints. Torch is not needed."""

from nascore.weights.answers import (
    OWN,
    Collected,
    Committed,
    Damage,
    Direction,
    Lineage,
    Listed,
    MissingBlobsError,
    MovedNameError,
    Page,
    Place,
    Reference,
    Relative,
    Usage,
)
from nascore.weights.contract import BlobReader, BlobWriter, WeightStore
from nascore.weights.directory import DirectoryStore
from nascore.weights.indexed import IndexedStore
from nascore.weights.manifest import Entry, Manifest
from nascore.weights.objects import ObjectStore
from nascore.weights.opening import open_store
from nascore.weights.safetensors import blob_header
from nascore.weights.tensor import TensorData
from nascore.weights.tensor_wire import tensor_from_message, tensor_to_message

__all__ = [
    "OWN",
    "BlobReader",
    "BlobWriter",
    "Collected",
    "Committed",
    "Damage",
    "Direction",
    "DirectoryStore",
    "Entry",
    "IndexedStore",
    "Lineage",
    "Listed",
    "Manifest",
    "MissingBlobsError",
    "MovedNameError",
    "ObjectStore",
    "Page",
    "Place",
    "Reference",
    "Relative",
    "TensorData",
    "Usage",
    "WeightStore",
    "blob_header",
    "open_store",
    "tensor_from_message",
    "tensor_to_message",
]
