"""The file of the tokens that an operator made: one JSON document of grants beside the log, mode 0600.

It holds digests, so who reads it cannot call the server with what it says. It is replaced in one step, and who changes
it holds a lock on its folder meanwhile; servers notice by themselves (``nascore.service.keyring``).
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nascore.errors import DataLossError, ExhaustedResourceError, NascoreError, NotFoundError
from nascore.record import JsonValue
from nascore.service.grants import Grant, Scope
from nascore.service.privatefile import read_private, write_private

TOKENS_NAME = "tokens.json"
MAX_TOKENS = 1000
_MAX_BYTES = 4 << 20
_VERSION = 1
_DIGEST_BYTES = 32

Signature = tuple[int, int, int, int] | None


class TokenFile:
    """The tokens of one server.

    Args:
        path: The file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def signature(self) -> Signature:
        """Return what changes when the file does; ``None`` if there is none."""
        try:
            found = os.lstat(self.path)
        except OSError:
            return None
        return (found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode)

    def read(self) -> tuple[Grant, ...]:
        """Return all grants, also those that have run out.

        Raises:
            PermissionDeniedError: If another user could have written it.
            DataLossError: If it is not what was written.
        """
        content = read_private(self.path, most=_MAX_BYTES)
        return _grants(content, self.path) if content else ()

    def add(self, grant: Grant) -> None:
        """Add a grant.

        Raises:
            ExhaustedResourceError: If there are a thousand already.
        """

        def add(grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
            if len(grants) >= MAX_TOKENS:
                raise ExhaustedResourceError(
                    f"{self.path}: there are {len(grants)} tokens already, the most there can be.",
                    hint="Revoke those that nobody uses: `nascore token ls`, `nascore token revoke`.",
                )
            return (*grants, grant)

        self._change(add)

    def revoke(self, identifier: str) -> Grant:
        """Remove a grant and return it.

        Raises:
            NotFoundError: If there is none with this id.
        """
        removed: list[Grant] = []

        def remove(grants: tuple[Grant, ...]) -> tuple[Grant, ...]:
            removed.extend(grant for grant in grants if grant.id == identifier)
            if not removed:
                raise NotFoundError(f"There is no token {identifier!r:.40}.", hint="`nascore token ls` shows all.")
            return tuple(grant for grant in grants if grant.id != identifier)

        self._change(remove)
        return removed[0]

    def _change(self, change: Callable[[tuple[Grant, ...]], tuple[Grant, ...]]) -> None:
        with _locked(self.path.parent):
            write_private(self.path, _document(change(self.read())))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _document(grants: tuple[Grant, ...]) -> bytes:
    tokens = [
        {
            "id": grant.id,
            "scope": grant.scope.value,
            "sha256": grant.digest.hex(),
            "experiments": list(grant.experiments),
            "workers": list(grant.workers),
            "expires_at": grant.expires_at,
            "created_at": grant.created_at,
        }
        for grant in grants
    ]
    return json.dumps({"version": _VERSION, "tokens": tokens}, indent=1).encode()


def _grants(content: bytes, path: Path) -> tuple[Grant, ...]:
    try:
        document = json.loads(content)
        if document["version"] != _VERSION:
            raise ValueError(f"version {document['version']!r:.40} is not {_VERSION}")
        return tuple(_grant(entry) for entry in document["tokens"])
    except (ValueError, KeyError, TypeError, RecursionError, NascoreError) as error:
        raise DataLossError(
            f"{path}: not what nascore wrote there ({type(error).__name__}: {error}).",
            hint="Remove it and make new tokens; until then no token in it is taken.",
        ) from None


def _grant(entry: dict[str, JsonValue]) -> Grant:
    digest = bytes.fromhex(str(entry["sha256"]))
    if len(digest) != _DIGEST_BYTES:
        raise ValueError("sha256 is not a digest")
    expires_at = entry["expires_at"]
    return Grant(
        id=str(entry["id"]),
        scope=Scope(str(entry["scope"])),
        digest=digest,
        experiments=_texts(entry["experiments"]),
        workers=_texts(entry["workers"]),
        expires_at=None if expires_at is None else _seconds(expires_at),
        created_at=_seconds(entry["created_at"]),
    )


def _texts(value: JsonValue) -> tuple[str, ...]:
    # A wrong kind must not become an empty tuple: that would mean "all".
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise TypeError(f"{value!r:.40} is not a list of texts")
    return tuple(str(text) for text in value)


def _seconds(value: JsonValue) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError(f"{value!r:.40} is not a time")
    return float(value)
