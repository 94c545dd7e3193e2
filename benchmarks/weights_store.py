"""Checkpoints of a folder beside plain safetensors files: put, get by reading, get by mapping, and a second put.

Each contender works once in memory and once on the disk that the project lies on, in shuffled rounds (see pairs.py).
Ours flushes to the disk and proves every byte; ``safetensors`` does neither, so beside it
stands ``safetensors + fsync``. Printed are medians and ratios of the same round: above 1, ours is faster. Peak memory
is that of a fresh process that puts or gets once, less what the tensors themselves take.

Run: ``python benchmarks/weights_store.py`` (``--quick`` for one round).
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy
import torch  # noqa: F401 - or the first map would take its import
from nascore.weights import DirectoryStore, TensorData
from pairs import Values, collect, column, median, number, options, ratio, table
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

STATES = {"100 MB in 160": (160, 156_250), "5 MB in 300": (300, 4_166)}
"""Name -> tensors, and elements (float32) of each."""

CHANGED = 0.05
MEMORY = Path("/dev/shm")
OPERATIONS = ("put", "get", "map", "second put")


def state(name: str, *, seed: int) -> dict[str, numpy.ndarray]:
    """Return the tensors of a state."""
    count, size = STATES[name]
    rng = numpy.random.default_rng(seed)
    return {f"layer{index}.weight": rng.standard_normal(size, dtype=numpy.float32) for index in range(count)}


def arrays_of(name: str) -> list[memoryview]:
    """Return the bytes of the tensors of a state."""
    return [array.data.cast("B") for array in state(name, seed=1).values()]


def changed(before: Mapping[str, numpy.ndarray], *, seed: int) -> dict[str, numpy.ndarray]:
    """Return a state of which few tensors have changed."""
    rng = numpy.random.default_rng(seed)
    keys = sorted(before)[: max(1, int(len(before) * CHANGED))]
    return {**before, **{key: rng.standard_normal(len(before[key]), dtype=numpy.float32) for key in keys}}


def data_of(arrays: Mapping[str, numpy.ndarray]) -> dict[str, TensorData]:
    """Return arrays as the store takes them, not copied."""
    return {key: TensorData("F32", array.shape, array.data.cast("B")) for key, array in arrays.items()}


@contextmanager
def fresh(place: Path) -> Iterator[Path]:
    """Give a folder that is gone afterwards, and wait until its disk is calm."""
    folder = Path(tempfile.mkdtemp(dir=place, prefix=".bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
        if place != MEMORY:
            os.sync()


def timed(work: Callable[[], object]) -> float:
    """Return how long something takes, in seconds."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def ours(name: str, place: Path) -> Values:
    """Time our store; a first small put opens it."""
    arrays = state(name, seed=1)
    tensors, second = data_of(arrays), data_of(changed(arrays, seed=2))
    with fresh(place) as folder:
        store = DirectoryStore(folder / "weights")
        store.put({}, trial=0)
        made: list[str] = []
        values = {"put": timed(lambda: made.append(store.put(tensors, trial=1)))}
        values["get"] = timed(lambda: store.get(made[0]))
        values["map"] = timed(lambda: store.map(made[0]))
        values["second put"] = timed(lambda: store.put(second, trial=2, parents=made))
        third = data_of(changed(arrays, seed=3))
        entries = store.manifest(made[0]).entries
        same = {entry.key: entry.digest for entry in entries if third[entry.key] == tensors[entry.key]}
        values["third put, digests known"] = timed(lambda: store.put(third, trial=3, parents=made, digests=same))
        if store.get(made[0]) != tensors:
            raise SystemExit("what came back is not what was put")
        store.close()
    return values


def plain(name: str, place: Path, *, is_flushed: bool) -> Values:
    """Time safetensors' own package: a file for each checkpoint."""
    arrays = state(name, seed=1)
    second = changed(arrays, seed=2)
    with fresh(place) as folder:
        file = folder / "a.safetensors"
        values = {"put": timed(lambda: save(arrays, file, is_flushed=is_flushed))}
        values["get"] = timed(lambda: load_file(file))
        values["map"] = timed(lambda: mapped(file))
        values["second put"] = timed(lambda: save(second, folder / "b.safetensors", is_flushed=is_flushed))
    return values


def save(arrays: dict[str, numpy.ndarray], file: Path, *, is_flushed: bool) -> None:
    """Save a file; flushed, it and its folder are on the disk afterwards."""
    save_file(arrays, file)
    for path in (file, file.parent) if is_flushed else ():
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def mapped(file: Path) -> list[object]:
    """Map all tensors of a file; only for torch does the package do so."""
    with safe_open(file, framework="pt") as opened:
        return [opened.get_tensor(key) for key in opened.keys()]  # noqa: SIM118 - it is no dictionary


def peak(operation: str, name: str) -> float:
    """Return the extra memory of one operation in a process of its own, in payloads."""
    done = subprocess.run(
        [sys.executable, __file__, "--peak", operation, name], capture_output=True, text=True, check=True
    )
    return float(json.loads(done.stdout))


def measure_peak(operation: str, name: str) -> float:
    """Print how much memory one operation takes, in payloads; for `peak`."""
    arrays = state(name, seed=1)
    tensors = data_of(arrays)
    payload = sum(tensor.size for tensor in tensors.values())
    with fresh(Path.cwd()) as folder:  # On the disk: files in memory would count as nobody's.
        store = DirectoryStore(folder / "weights")
        checkpoint = store.put(tensors if operation != "put" else {}, trial=1)
        store.get(store.put({"x": TensorData("U8", (1,), b"1")}, trial=0))
        with Path("/proc/self/clear_refs").open("w") as file:
            file.write("5")
        before = resident()
        work: dict[str, Callable[[], object]] = {
            "put": lambda: store.put(tensors, trial=2),
            "get": lambda: store.get(checkpoint),
            "map": lambda: store.map(checkpoint),
        }
        kept = work[operation]()
        extra = high_water() - before
        del kept
    return extra / payload


def resident() -> int:
    """Return the resident bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def high_water() -> int:
    """Return the most resident bytes that this process has had since they were last cleared."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024


def main() -> None:
    """Measure and print."""
    parser = options(__doc__ or "", rounds=7, seconds=0)
    parser.add_argument("--peak", nargs=2, metavar=("OPERATION", "STATE"), help="what a process of its own measures")
    chosen = parser.parse_args()
    if chosen.peak:
        print(json.dumps(measure_peak(*chosen.peak)))
        return
    rows = []
    for name in STATES:
        for label, place in (("memory", MEMORY), ("disk", Path.cwd())):
            contenders: dict[str, Callable[[], Values]] = {
                "ours": lambda name=name, place=place: ours(name, place),  # type: ignore[misc]
                "plain": lambda name=name, place=place: plain(name, place, is_flushed=False),  # type: ignore[misc]
                "flushed": lambda name=name, place=place: plain(name, place, is_flushed=True),  # type: ignore[misc]
            }
            rounds = 1 if chosen.quick else chosen.rounds
            samples = collect(f"weights {name}, {label}", contenders, rounds=rounds, record=chosen.record)
            for operation in OPERATIONS:
                times = {who: column(samples[who], operation) for who in contenders}
                rows.append(
                    [
                        name,
                        label,
                        operation,
                        *(number(1000 * median(times[who])) for who in contenders),
                        str(ratio(times["plain"], times["ours"])),
                        str(ratio(times["flushed"], times["ours"])),
                    ]
                )
            for later in ("second put", "third put, digests known"):
                firsts = ratio(column(samples["ours"], later), column(samples["ours"], "put"))
                rows.append([name, label, f"{later} / first", str(firsts), "", "", "", ""])
    header = ["state", "on", "operation", "ours ms", "safetensors ms", "+ fsync ms", "ratio", "ratio to + fsync"]
    print(table(header, rows))
    extra = [[name, *(number(peak(operation, name)) for operation in ("put", "get", "map"))] for name in STATES]
    print("\n" + table(["peak memory, in payloads", "put", "get", "map"], extra))


if __name__ == "__main__":
    main()
