"""Values of the launcher's contract refuse what cannot be run."""

import pytest
from nascore.errors import InvalidInputError
from nascore.launch import WorkerSpec, WorkerState, WorkerStatus


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"name": ""}, "1 to 256"),
        ({"name": "w" * 257}, "1 to 256"),
        ({"command": ()}, "no command"),
        ({"command": ("", "x")}, "no command"),
        ({"threads": 0}, "0 threads"),
    ],
)
def test_impossible_worker_is_refused(parts: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        WorkerSpec(**{"name": "worker-0", "command": ("true",), **parts})  # type: ignore[arg-type]


def test_status_reads_as_a_sentence() -> None:
    assert str(WorkerStatus(WorkerState.EXITED, code=3)) == "exited with code 3"
    assert str(WorkerStatus(WorkerState.SIGNALED, signal=9)) == "ended by signal 9"
    assert str(WorkerStatus(WorkerState.RUNNING)) == "running"
