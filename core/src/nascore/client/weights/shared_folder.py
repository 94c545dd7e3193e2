"""A store's folder that a client on the server's machine sees as well: tensors are mapped there, and blobs offered.

The server tells where its folder is and puts a nonce there; only who reads the same nonce uses the folder. What a
client reads it reads as the user that it is. Whatever fails here is no error: the network is there as well. Not here:
how blobs are laid down (``offers``).
"""

from __future__ import annotations

import hmac
import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TypeVar

from nascore.client.connection import Connection
from nascore.client.weights.calls import SERVICE
from nascore.client.weights.offers import Offer, Offers
from nascore.errors import NascoreError, UnavailableError
from nascore.v1 import weights_pb2
from nascore.weights import DirectoryStore

logger = logging.getLogger(__name__)

_MOST_NONCE = 256


ResultT = TypeVar("ResultT")


class SharedFolder:
    """The folder of a server's store, which is asked for when it is needed first. Thread-safe.

    Args:
        connection: To the server.
        is_allowed: Whether to look for it at all.
    """

    def __init__(self, connection: Connection, *, is_allowed: bool) -> None:
        self._connection = connection
        self._is_known = not is_allowed
        self._folder: Path | None = None
        self._offers: Offers | None = None
        self._store: DirectoryStore | None = None
        self._guard = threading.Lock()  # Guards the four above.

    def read(self, work: Callable[[DirectoryStore], ResultT]) -> ResultT | None:
        """Read in the server's folder; ``None`` where there is none, or it cannot be read."""
        folder = self._found()
        if folder is None:
            return None
        with self._guard:
            self._store = store = self._store or DirectoryStore(folder)
        try:
            return work(store)
        except PermissionError:
            return None

    def offered(self) -> AbstractContextManager[Offer | None]:
        """Give a place to lay blobs down in for an upload, if there is one; see `Offers.lent`."""
        folder = self._found()
        if folder is None:
            return nullcontext()
        with self._guard:
            self._offers = self._offers or Offers(folder)
            return self._offers.lent()

    def close(self) -> None:
        """Let go what is open, and remove what is kept there; the next call begins anew."""
        with self._guard:
            store, self._store = self._store, None
            offers, self._offers = self._offers, None
        if store is not None:
            store.close()
        if offers is not None:
            offers.close()

    def _found(self) -> Path | None:
        with self._guard:
            if self._is_known:
                return self._folder
        folder = _asked(self._connection)
        with self._guard:
            self._folder, self._is_known = folder, True
        return folder


def _asked(connection: Connection) -> Path | None:
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
