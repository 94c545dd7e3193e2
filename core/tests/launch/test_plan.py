"""The plan of a machine: shares of GPUs and CPU threads."""

import os
from pathlib import Path

import pytest
from nascore.errors import InvalidInputError
from nascore.launch import WorkerPlan, available_cores, detect_gpus, plan_workers
from nascore.launch.plan import _quota, gpus_of_listing

PLAIN = """GPU 0: NVIDIA H200 (UUID: GPU-0f1e2d3c-aaaa-bbbb-cccc-000000000000)
GPU 1: NVIDIA H200 (UUID: GPU-0f1e2d3c-aaaa-bbbb-cccc-000000000001)
"""
DIVIDED = """GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-aaaa)
  MIG 3g.20gb     Device  0: (UUID: MIG-1111)
  MIG 3g.20gb     Device  1: (UUID: MIG-2222)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-bbbb)
"""


@pytest.mark.parametrize(("parallel", "cores"), [(0, 4), (-1, 4), (2, 0)])
def test_fewer_than_one_is_refused(parallel: int, cores: int) -> None:
    with pytest.raises(InvalidInputError, match="at least 1"):
        plan_workers(parallel, gpus=(), cores=cores)


def test_gpus_are_dealt_in_turn() -> None:
    plans = plan_workers(5, gpus=("0", "1"), cores=10)
    assert [plan.devices for plan in plans] == [("0",), ("1",), ("0",), ("1",), ("0",)]


def test_threads_are_divided_and_never_none() -> None:
    assert plan_workers(3, gpus=(), cores=8) == (WorkerPlan(2),) * 3
    assert plan_workers(8, gpus=(), cores=2) == (WorkerPlan(1),) * 8


def test_listing_of_whole_gpus_gives_their_indices() -> None:
    assert gpus_of_listing(PLAIN) == ("0", "1")


def test_divided_gpu_is_named_by_its_parts() -> None:
    assert gpus_of_listing(DIVIDED) == ("MIG-1111", "MIG-2222", "1")


def test_listing_without_gpus_gives_none() -> None:
    assert gpus_of_listing("No devices found.\n") == ()


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        ("2,0", ("2", "0")),
        (" GPU-ab12 , MIG-GPU-ab/1/0", ("GPU-ab12", "MIG-GPU-ab/1/0")),
        ("", ()),
        ("-1", ()),
        ("1,-1,2", ("1",)),
        ("NoDevFiles", ()),
        ("0,0", ("0",)),
    ],
)
def test_visible_devices_of_the_parent_are_honoured_as_cuda_does(visible: str, expected: tuple[str, ...]) -> None:
    assert detect_gpus({"CUDA_VISIBLE_DEVICES": visible, "PATH": ""}) == expected


def test_nvidia_smi_is_asked(tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n[ \"$1\" = -L ] && cat <<'END'\n{PLAIN}END\n")
    program.chmod(0o755)
    assert detect_gpus({"PATH": f"{tmp_path}:{os.environ['PATH']}"}) == ("0", "1")


def test_failing_nvidia_smi_means_no_gpu(tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'GPU 0: gone'\nexit 9\n")
    program.chmod(0o755)
    if not Path("/proc/driver/nvidia/gpus").exists():
        assert detect_gpus({"PATH": str(tmp_path)}) == ()


def test_cores_are_those_this_process_may_use() -> None:
    assert 1 <= available_cores() <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize(("text", "cores"), [("max 100000\n", 2**31), ("150000 100000\n", 2), ("50000 100000", 1)])
def test_quota_of_a_container_is_rounded_up(text: str, cores: int) -> None:
    assert _quota(text) == cores
