"""Shares: what each worker of a run is started with, and its part of this machine."""

from __future__ import annotations

import os
from pathlib import Path

from nascore.cli.hosting import Host
from nascore.cli.limits import worker_limits
from nascore.cli.runfile import RunFile
from nascore.launch import WorkerPlan, WorkerSpec, available_cores, detect_gpus, plan_workers


def worker_specs(run: RunFile, host: Host, experiment: str) -> tuple[WorkerSpec, ...]:
    """Return what to start: one worker for each trial at the same time."""
    gpus = detect_gpus(os.environ) if run.gpus is None else run.gpus
    plans = plan_workers(run.parallel, gpus=gpus, cores=available_cores())
    variables = worker_variables(host, experiment)
    return tuple(_spec(run, host, variables, name=f"worker-{place}", plan=plan) for place, plan in enumerate(plans))


def _spec(run: RunFile, host: Host, variables: dict[str, str], *, name: str, plan: WorkerPlan) -> WorkerSpec:
    environment = variables | {
        "NASCORE_FOLDER": str(host.folder),
        "NASCORE_ISOLATION": run.isolation.value,
        **worker_limits(run.maxima, run.profile),
    }
    if run.hub:
        environment["NASCORE_SPACE"] = run.hub
    if run.gpus == ():
        environment["CUDA_VISIBLE_DEVICES"] = ""
    return WorkerSpec(
        name=name,
        command=run.command,
        environment=environment,
        folder=Path(run.cwd),
        log_file=host.folder / "logs" / f"{name}.log",
        threads=plan.threads,
        devices=plan.devices,
    )


def worker_variables(host: Host, experiment: str) -> dict[str, str]:
    """Return the environment variables by which any worker finds its server."""
    return {
        "NASCORE_SERVER": host.address,
        "NASCORE_TOKEN_FILE": str(host.worker_token(experiment)),
        "NASCORE_EXPERIMENT": experiment,
    }
