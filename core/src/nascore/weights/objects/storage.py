"""Objects by key, on any storage that fsspec reaches: read, written whole, and made only if they are not there yet.

Two kinds of writes exist. What is written with `Storage.write` has a name that nobody else uses, so its moment does not
matter. `Storage.create` decides between those who come at once: S3 does it by ``If-None-Match``, a folder by a hard
link; for memory, and for storages that have no such condition, those of one process take turns, and no more than that
is promised. Not here: what the objects are (``naming``). Specification: https://filesystem-spec.readthedocs.io.
"""

from __future__ import annotations

import errno
import os
import secrets
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from nascore.errors import (
    ExhaustedResourceError,
    InvalidInputError,
    NascoreError,
    PermissionDeniedError,
    UnavailableError,
    UnsupportedError,
)
from nascore.weights.durable import TEMPORARY, make_folders, sync_folder, write_file
from nascore.weights.tensor import Data

_TURNS = threading.Lock()  # Held while an object is made: some storages only look, and then write.
_FULL = (errno.ENOSPC, errno.EDQUOT)
_EXTRAS = {"s3": "s3", "s3a": "s3"}
# Several objects are read at once anyway; of each in parts, every read would first ask how long it is.
_OPTIONS = {"s3": {"max_concurrency": 1}, "s3a": {"max_concurrency": 1}}


class Storage:
    """The objects below a URL.

    Args:
        url: Such as ``s3://bucket/prefix``.
        options: What fsspec's file system takes, such as ``endpoint_url``.
    """

    def __init__(self, url: str, *, options: dict[str, Any] | None = None) -> None:
        self.url = url.rstrip("/")
        self._options = options or {}
        self._guard = threading.Lock()  # Guards the next two.
        self._pid = 0
        self._opened: tuple[Any, str] | None = None

    def read(self, key: str) -> bytes:
        """Return an object.

        Raises:
            FileNotFoundError: There is none.
        """
        with self._asked(key) as (system, path):
            return bytes(system.cat_file(path))

    def read_range(self, key: str, begin: int, end: int) -> bytes:
        """Return bytes of an object; fewer if it ends before."""
        with self._asked(key) as (system, path):
            return bytes(system.cat_file(path, start=begin, end=end))

    def size(self, key: str) -> int:
        """Return the bytes of an object."""
        with self._asked(key) as (system, path):
            return int(system.info(path)["size"])

    def modified(self, key: str) -> float:
        """Return when an object was written, by the storage's clock, in seconds."""
        with self._asked(key) as (system, path):
            return float(system.modified(path).timestamp())

    def write(self, key: str, parts: Iterable[Data]) -> None:
        """Write an object of a name that nobody else writes."""
        with self._asked(key) as (system, path), system.open(path, "wb") as file:
            for part in parts:
                file.write(part)

    def create(self, key: str, content: bytes) -> bool:
        """Make an object, whole, and return whether it was this call that did; `False` if it is there already."""
        with _TURNS, self._asked(key) as (system, path):
            try:
                system.pipe_file(path, content, mode="create")
            except FileExistsError:
                return False
            except OSError as fault:
                if "ConditionalRequestConflict" not in str(fault):
                    raise
                return False  # Another one was being made at this moment.
        return True

    def remove(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are gone already do not matter."""
        for key in keys:
            with suppress(FileNotFoundError), self._asked(key) as (system, path):
                system.rm_file(path)

    def list(self, folder: str) -> dict[str, int]:
        """Return the keys below a folder, sorted, and the bytes of each."""
        with self._asked(folder) as (system, path):
            found = system.find(path, detail=True)
        begin = len(path) - len(folder)
        return {name[begin:]: int(info["size"] or 0) for name, info in sorted(found.items())}

    @contextmanager
    def _asked(self, key: str) -> Iterator[tuple[Any, str]]:
        """Give the file system and the path of a key in it; what it raises becomes ours."""
        try:
            system, root = self._system()
            yield system, f"{root}/{key}"
        except (NascoreError, FileNotFoundError, FileExistsError):
            raise
        except PermissionError as fault:
            raise PermissionDeniedError(
                f"{self.url}/{key}: {fault}.", hint="Give these credentials the right to do that."
            ) from fault
        except Exception as fault:  # a library that raises what each storage's own libraries raise
            if isinstance(fault, OSError) and fault.errno in _FULL:
                raise ExhaustedResourceError(f"{self.url}/{key}: no room.", hint="Make room and try again.") from fault
            raise UnavailableError(
                f"{self.url}/{key}: {type(fault).__name__}: {fault}.",
                hint="Look at address, credentials and network, and try again.",
            ) from fault

    def _system(self) -> tuple[Any, str]:
        """Return the file system, opened anew in a process that was forked."""
        with self._guard:
            if self._opened is None or self._pid != os.getpid():
                self._pid, self._opened = os.getpid(), self._open()
            return self._opened

    def _open(self) -> tuple[Any, str]:
        fsspec, scheme = _fsspec(), self.url.partition("://")[0]
        try:
            kind = fsspec.get_filesystem_class(scheme)
            options = {**_OPTIONS.get(scheme, {}), **self._options}
            system = kind(skip_instance_cache=True, use_listings_cache=False, **options)
        except ImportError as fault:
            extra = _EXTRAS.get(scheme, "")
            hint = f"pip install 'nascore[{extra}]'" if extra else "Install the package that fsspec names."
            raise UnsupportedError(f"{self.url}: {fault}.", hint=hint) from fault
        except ValueError as fault:
            raise InvalidInputError(f"{self.url}: {fault}.", hint="Write for example s3://bucket/prefix.") from fault
        return system, str(system._strip_protocol(self.url))


class FolderStorage(Storage):
    """Objects in a folder of this machine, each wholly there or not, and flushed."""

    def write(self, key: str, parts: Iterable[Data]) -> None:
        """Write a file beside, flush it and rename it."""
        with self._asked(key) as (_, path):
            make_folders([Path(path).parent])
            write_file(Path(path), parts)
            sync_folder(Path(path).parent)

    def create(self, key: str, content: bytes) -> bool:
        """Write a file beside, flush it, and link it to its name unless that is taken."""
        with self._asked(key) as (_, path):
            target = Path(path)
            beside = target.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
            make_folders([target.parent])
            write_file(beside, [content])
            try:
                target.hardlink_to(beside)
            except FileExistsError:
                return False
            finally:
                beside.unlink(missing_ok=True)
            sync_folder(target.parent)
        return True

    def list(self, folder: str) -> dict[str, int]:
        """Leave out what is just being written."""
        found = super().list(folder)
        return {key: size for key, size in found.items() if TEMPORARY not in key}


def open_storage(url: str, *, options: dict[str, Any] | None = None) -> Storage:
    """Return the storage of a URL; nothing is asked of it yet.

    Raises:
        InvalidInputError: It is no URL.
    """
    scheme, found, rest = url.partition("://")
    if not found or not scheme or not rest:
        raise InvalidInputError(f"{url!r} is no URL of a storage.", hint="Write for example s3://bucket/prefix.")
    return (FolderStorage if scheme in ("file", "local") else Storage)(url, options=options)


def _fsspec() -> Any:
    try:
        return import_module("fsspec")  # By name: an extra.
    except ImportError as fault:
        raise UnsupportedError(
            "Object storage needs the package fsspec, which is not installed.",
            hint="pip install 'nascore[objects]', or 'nascore[s3]' for S3.",
        ) from fault
