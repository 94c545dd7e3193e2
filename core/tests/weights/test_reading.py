"""Reading: how much is read, and whose the memory is."""

from pathlib import Path

from nascore.weights import DirectoryStore, TensorData

SIZE = 50_000


def stored(folder: Path, count: int) -> tuple[DirectoryStore, str, dict[str, TensorData]]:
    store = DirectoryStore(folder)
    tensors = {f"k{number}": TensorData("U8", (SIZE,), bytes([number]) * SIZE) for number in range(count)}
    return store, store.put(tensors, trial=0), tensors


def bytes_read() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("rchar")).split()[1])


def test_what_lies_between_the_tensors_wanted_is_not_read(tmp_path: Path) -> None:
    store, checkpoint, tensors = stored(tmp_path, 100)
    before = bytes_read()
    found = store.get(checkpoint, keys=["k3", "k50", "k97"])
    assert found == {key: tensors[key] for key in ("k3", "k50", "k97")}
    assert bytes_read() - before < 20 * SIZE


def test_equal_tensors_have_memory_of_their_own(tmp_path: Path) -> None:
    for size in (1000, 200_000):  # One in a pack, one in a file of its own.
        store = DirectoryStore(tmp_path / str(size))
        same = TensorData("U8", (size,), bytes(size))
        found = store.get(store.put({"a": same, "b": same}, trial=0))
        memoryview(found["a"].data)[0] = 1
        assert found["b"] == same


def test_tensors_of_every_width_in_a_pack_can_be_read_in_place(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    tensors = {
        dtype: TensorData(dtype, (3,), bytes(range(3 * width)))
        for dtype, width in {"BOOL": 1, "F16": 2, "F32": 4, "F64": 8, "I64": 8}.items()
    }
    checkpoint = store.put(tensors, trial=0)
    for keys in (None, ["F16", "F64"], ["BOOL", "I64"]):
        for key, found in store.get(checkpoint, keys=keys).items():
            assert found == tensors[key]
            memoryview(found.data).cast({"BOOL": "B", "F16": "H", "F32": "f", "F64": "d", "I64": "q"}[key])
