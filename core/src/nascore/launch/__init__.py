"""Starting and stopping worker processes: the contract of a launcher, the local one, and the plan of a machine."""

from nascore.launch.contract import Launcher, Worker, WorkerSpec, WorkerState, WorkerStatus
from nascore.launch.local import LocalLauncher, worker_environment
from nascore.launch.plan import WorkerPlan, available_cores, detect_gpus, plan_workers

__all__ = [
    "Launcher",
    "LocalLauncher",
    "Worker",
    "WorkerPlan",
    "WorkerSpec",
    "WorkerState",
    "WorkerStatus",
    "available_cores",
    "detect_gpus",
    "plan_workers",
    "worker_environment",
]
