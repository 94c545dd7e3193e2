"""``run.json``: how the workers of an experiment are started, kept beside its record so that it can be gone on with."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from nascore.cli.request import Isolation
from nascore.errors import DataLossError, InvalidInputError, NotFoundError
from nascore.record import TunerLimits
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
        hub: The space of the hub that stands in for the trial's own model; empty for none.
        tls_cert, tls_key: Files with the server's certificate and key; empty for none.
        tls_client_roots: File with the roots of its callers' certificates; empty where they need none.
        maxima: The most that networks may cost: ``params=3000000.0``.
        profile: Figures of networks that workers report: ``macs``.
        tuner_limits: What the tuner may take, where something was said.
        data_port: Where weights come in beside gRPC; ``off`` for nowhere, empty for a free port.
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
    hub: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    tls_client_roots: str = ""
    maxima: tuple[str, ...] = ()
    profile: tuple[str, ...] = ()
    tuner_limits: TunerLimits = field(default_factory=TunerLimits)
    data_port: str = ""

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
        return _run_file_of(read_json(path.read_bytes(), error=InvalidInputError))
    except FileNotFoundError as error:
        raise NotFoundError(
            f"There is no {path}, so nobody knows how to start its workers.",
            hint="The experiment was not begun by `nascore run`; its record can still be read.",
        ) from error
    except InvalidInputError as error:
        raise DataLossError(f"{path} is damaged: {error.message}", hint="Its record can still be read.") from error


def _run_file_of(document: object) -> RunFile:
    if not isinstance(document, dict):
        raise InvalidInputError(f"a {type(document).__name__} is not an object with names.")
    types = get_type_hints(RunFile)
    if unknown := sorted(set(document) - set(types)):
        raise InvalidInputError(f"{unknown[0][:60]!r} is no name in it; was it written by a newer nascore?")
    needed = [part.name for part in fields(RunFile) if part.default is MISSING and part.default_factory is MISSING]
    if missing := [name for name in needed if name not in document]:
        raise InvalidInputError(f"{missing[0]}: missing.")
    return RunFile(**{name: _READERS[types[name]](value, name) for name, value in document.items()})


def _text(value: object, field: str) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise InvalidInputError(f"{field}: {value!r:.100} is not a text.")
    return value


def _texts(value: object, field: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InvalidInputError(f"{field}: {value!r:.100} is not a list of texts.")
    return tuple(_text(word, f"{field}[{place}]") for place, word in enumerate(value))


def _texts_or_none(value: object, field: str) -> tuple[str, ...] | None:
    return None if value is None else _texts(value, field)


def _count(value: object, field: str) -> int:
    if type(value) is not int or value < 0:
        raise InvalidInputError(f"{field}: {value!r:.100} is not a whole number from 0 on.")
    return value


def _truth(value: object, field: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidInputError(f"{field}: {value!r:.100} is neither true nor false.")
    return value


def _isolation(value: object, field: str) -> Isolation:
    if not isinstance(value, str) or value not in tuple(Isolation):
        raise InvalidInputError(f"{field}: {value!r:.100} is neither {' nor '.join(Isolation)}.")
    return Isolation(value)


def _tuner_limits(value: object, field: str) -> TunerLimits:
    names = {item.name for item in fields(TunerLimits)}
    if not isinstance(value, dict) or not value.keys() <= names:
        raise InvalidInputError(f"{field}: {value!r:.100} is not an object with {', '.join(sorted(names))}.")
    return TunerLimits(**value)


# Any: what each reader returns is the type that it stands beside.
_READERS: Mapping[object, Callable[[object, str], Any]] = {
    str: _text,
    tuple[str, ...]: _texts,
    tuple[str, ...] | None: _texts_or_none,
    int: _count,
    bool: _truth,
    Isolation: _isolation,
    TunerLimits: _tuner_limits,
}
"""What reads the value of a field, by the field's type."""
