import json

import numpy as np
import pytest
from nascore.cli.weightsfile import write_weights
from nascore.errors import NotFoundError
from nascore.record import Proposal, TrialRecord, TrialState
from nascore.space import Architecture
from nascore.weights import OWN, DirectoryStore, TensorData
from nascore.weights.safetensors import parse

TENSORS = {
    "count": TensorData("I64", (), np.int64(7).tobytes()),
    "flags": TensorData("BOOL", (3,), b"\1\0\1"),
    "weight": TensorData("F32", (2, 3), np.arange(6, dtype="float32").tobytes()),
    "empty": TensorData("F16", (0, 4), b""),
}


def trial(checkpoint):
    return TrialRecord(3, TrialState.SUCCEEDED, Proposal(3, Architecture({})), checkpoint=checkpoint)


def test_a_trial_without_weights_or_with_released_ones_is_refused(tmp_path):
    with pytest.raises(NotFoundError, match="Trial 3 has kept no weights"):
        write_weights(trial(""), tmp_path / "weights", tmp_path / "best.safetensors")
    with pytest.raises(NotFoundError):
        write_weights(trial("0" * 32), tmp_path / "weights", tmp_path / "best.safetensors")
    assert not list(tmp_path.glob("best*"))


@pytest.mark.parametrize("experiment", ["abcdefgh", OWN])  # The second is where older versions put them.
def test_all_tensors_are_in_the_file_each_where_its_type_may_lie(tmp_path, experiment):
    checkpoint = DirectoryStore(tmp_path / "weights").put(TENSORS, trial=3, experiment=experiment)
    file = write_weights(trial(checkpoint), tmp_path / "weights", tmp_path / "new" / "best.safetensors")
    content = file.read_bytes()
    found = parse(content, file="best")
    assert {key: (found[key].dtype, found[key].shape, bytes(found[key].data)) for key in found} == {
        key: (tensor.dtype, tensor.shape, tensor.data) for key, tensor in TENSORS.items()
    }
    length = int.from_bytes(content[:8], "little")
    begins = {key: slot["data_offsets"][0] for key, slot in json.loads(content[8 : 8 + length]).items()}
    assert length % 8 == begins["count"] % 8 == begins["weight"] % 4 == 0
    assert [path.name for path in file.parent.iterdir()] == ["best.safetensors"]
