"""A store's folder that a client on the server's machine sees as well: tensors are mapped there, and blobs offered.

The server tells where its folder is and puts a nonce there; only who reads the same nonce uses the folder. What a
client reads it reads as the user that it is; what it offers the server copies and proves, so that nothing which the
client can still write ever becomes part of a checkpoint. Whatever fails here is no error: the network is there as well.
"""

from __future__ import annotations

import hmac
import logging
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from nascore.client.connection import Connection
from nascore.client.weights.calls import SERVICE
from nascore.errors import NascoreError, UnavailableError
from nascore.v1 import weights_pb2
from nascore.weights.placing import write
from nascore.weights.tensor import Data

logger = logging.getLogger(__name__)

_OFFERS = "offers"
_MOST_NONCE = 256


class Offer:
    """A fresh folder in which blobs are laid down for the server; a context manager that removes it.

    Attributes:
        name: Its name, which the server is told.
    """

    def __init__(self, folder: Path) -> None:
        self.name = secrets.token_hex(16)
        self._folder = folder / _OFFERS / self.name

    def lay_down(self, digest: str, parts: Iterable[Data]) -> None:
        """Write a blob for the server to take.

        Raises:
            ExhaustedResourceError: The disk is full.
        """
        file = self._folder / digest
        file.unlink(missing_ok=True)
        write(file, parts)

    def __enter__(self) -> Self:
        self._folder.mkdir(mode=0o700)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def offered(folder: Path | None) -> Iterator[Offer | None]:
    """Give an offer in a store's folder; ``None`` if there is no folder, or nothing can be written there."""
    if folder is None or not os.access(folder / _OFFERS, os.W_OK | os.X_OK):
        yield None
        return
    with Offer(folder) as offer:
        yield offer


def shared_folder(connection: Connection) -> Path | None:
    """Return the server's folder, if it lies on this machine and can be read; else ``None``."""
    if not connection.address.is_loopback():
        return None
    try:
        place = connection.unary(f"{SERVICE}/GetPlace", weights_pb2.GetPlaceRequest(), weights_pb2.GetPlaceResponse)
    except UnavailableError:
        raise
    except NascoreError as error:
        logger.info("The server does not say where its weights are: %s", error)
        return None
    return _proven(place)


def _proven(place: weights_pb2.GetPlaceResponse) -> Path | None:
    if not place.folder or not place.nonce:
        return None
    folder = Path(place.folder)
    try:
        with (folder / place.nonce_file).open("rb") as file:
            found = file.read(_MOST_NONCE)
    except (OSError, ValueError):
        return None
    return folder if hmac.compare_digest(found, place.nonce) else None
