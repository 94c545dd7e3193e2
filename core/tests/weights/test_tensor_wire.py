import pytest
from nascore.errors import InvalidInputError
from nascore.v1 import tensor_pb2
from nascore.weights import TensorData, tensor_from_message, tensor_to_message
from nascore.weights.tensor import DTYPE_SIZES


@pytest.mark.parametrize("dtype", DTYPE_SIZES)
def test_every_element_type_survives_the_wire(dtype):
    tensor = TensorData(dtype, (2, 3), bytes(6 * DTYPE_SIZES[dtype]))
    sent = tensor_to_message(tensor).SerializeToString()
    assert tensor_from_message(tensor_pb2.Tensor.FromString(sent)) == tensor


@pytest.mark.parametrize(
    "message",
    [
        tensor_pb2.Tensor(shape=[1], data=b"1"),
        tensor_pb2.Tensor(data_type=99, shape=[1], data=b"1"),
        tensor_pb2.Tensor(data_type="DATA_TYPE_F32", shape=[2], data=b"1234"),
        tensor_pb2.Tensor(data_type="DATA_TYPE_U8", shape=[2**40, 2**40]),
        tensor_pb2.Tensor(data_type="DATA_TYPE_U8", shape=[2**63, 2]),
        tensor_pb2.Tensor(data_type="DATA_TYPE_U8", shape=[1] * 9, data=b"1"),
        tensor_pb2.Tensor(data_type="DATA_TYPE_U8", shape=[3 * 2**20], data=b"1"),
    ],
)
def test_a_message_that_is_no_tensor_is_refused(message):
    with pytest.raises(InvalidInputError):
        tensor_from_message(message)


def test_a_tensor_too_large_for_a_message_is_refused():
    with pytest.raises(InvalidInputError, match="checkpoint"):
        tensor_to_message(TensorData("U8", (2**21 + 1,), bytes(2**21 + 1)))
