"""Small tensors inside messages: ``nascore.v1.Tensor`` to and from ``TensorData``, checked before anything is kept."""

from __future__ import annotations

from nascore.errors import InvalidInputError
from nascore.v1 import tensor_pb2
from nascore.weights.tensor import TensorData, data_size

MAX_MESSAGE_BYTES = 2 * 2**20
_PREFIX = "DATA_TYPE_"


def tensor_to_message(tensor: TensorData) -> tensor_pb2.Tensor:
    """Return the message of a tensor.

    Raises:
        InvalidInputError: It has more than 2 MiB; weights travel in chunks instead.
    """
    if tensor.size > MAX_MESSAGE_BYTES:
        raise InvalidInputError(
            f"A tensor of {tensor.size} bytes is too large for a message; at most {MAX_MESSAGE_BYTES} are allowed.",
            hint="Store it as a checkpoint and name that.",
        )
    return tensor_pb2.Tensor(data_type=_PREFIX + tensor.dtype, shape=tensor.shape, data=bytes(tensor.data))


def tensor_from_message(message: tensor_pb2.Tensor) -> TensorData:
    """Return the tensor of a message.

    Raises:
        InvalidInputError: An unknown element type, a shape that is no shape, too many bytes, or bytes that do not fit.
    """
    if message.data_type not in tensor_pb2.DataType.values() or not message.data_type:
        raise InvalidInputError(f"data_type: {message.data_type} is not the number of an element type.")
    dtype = tensor_pb2.DataType.Name(message.data_type).removeprefix(_PREFIX)
    shape = tuple(message.shape)
    if data_size(dtype, shape) > MAX_MESSAGE_BYTES:
        raise InvalidInputError(f"shape: {list(shape)} of {dtype} has more than the {MAX_MESSAGE_BYTES} bytes allowed.")
    return TensorData(dtype, shape, message.data)
