"""``run.json``: how the workers of an experiment are started, kept beside its record so that it can be gone on with."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from nascore.cli.request import Isolation
from nascore.errors import DataLossError, InvalidInputError, NotFoundError
from nascore.space.strictjson import read_json

RUN_FILE = "run.json"


@dataclass(frozen=True, slots=True)
class RunFile:
    """How an experiment is run.

    Attributes:
        trial_file: The Python file of the trial; empty for another command.
        command: The command of a worker; empty for a server whose workers come from elsewhere.
        parallel: Number of workers; 0 for none.
        isolation: How trials are kept apart.
        tuner: Name or address of the tuner, as it was given.
        python: The Python that it was begun with.
        cwd: Folder that workers run in.
        gpus: GPUs to use, as CUDA_VISIBLE_DEVICES names them; ``None`` for all that are there.
        address: Where a server listens; empty for a socket of its own.
        is_tuner_insecure: Whether a tuner on another machine may be spoken to without TLS.
        tls_cert, tls_key: Files with the server's certificate and key; empty for none.
        tls_client_roots: File with the roots of its callers' certificates; empty where they need none.
    """

    trial_file: str
    command: tuple[str, ...]
    parallel: int
    isolation: Isolation
    tuner: str
    python: str
    cwd: str
    gpus: tuple[str, ...] | None = None
    address: str = ""
    is_tuner_insecure: bool = False
    tls_cert: str = ""
    tls_key: str = ""
    tls_client_roots: str = ""

    def write(self, folder: Path) -> None:
        """Write it into a folder, whole or not at all."""
        fresh = folder / f".{RUN_FILE}.{secrets.token_hex(4)}"
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(asdict(self), file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(folder / RUN_FILE)


def read_run_file(folder: Path) -> RunFile:
    """Return what a folder's ``run.json`` says.

    Raises:
        NotFoundError: If there is none.
        DataLossError: If it is not what was written.
    """
    path = folder / RUN_FILE
    try:
        data = cast(dict[str, Any], read_json(path.read_bytes(), error=InvalidInputError))
        gpus = data.get("gpus")
        return RunFile(
            trial_file=str(data["trial_file"]),
            command=tuple(str(word) for word in data["command"]),
            parallel=int(data["parallel"]),
            isolation=Isolation(data["isolation"]),
            tuner=str(data["tuner"]),
            python=str(data["python"]),
            cwd=str(data["cwd"]),
            gpus=None if gpus is None else tuple(str(name) for name in gpus),
            address=str(data.get("address", "")),
            is_tuner_insecure=bool(data.get("is_tuner_insecure", False)),
            tls_cert=str(data.get("tls_cert", "")),
            tls_key=str(data.get("tls_key", "")),
            tls_client_roots=str(data.get("tls_client_roots", "")),
        )
    except FileNotFoundError as error:
        raise NotFoundError(
            f"There is no {path}, so nobody knows how to start its workers.",
            hint="The experiment was not begun by `nascore run`; its record can still be read.",
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataLossError(f"{path} is damaged: {error}.", hint="Its record can still be read.") from error
