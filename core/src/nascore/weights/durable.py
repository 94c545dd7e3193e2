"""Writing files that are wholly there or not at all, whatever dies meanwhile.

The order is that of every database: write beside the target, flush to the disk, rename, flush the folder.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nascore.errors import ExhaustedResourceError
from nascore.weights.tensor import Data

TEMPORARY = ".part-"


def write_file(path: Path, parts: Iterable[Data]) -> None:
    """Write ``parts`` to ``path``, replacing what was there in one step; call ``sync_folder`` afterwards.

    Raises:
        ExhaustedResourceError: The disk is full; nothing is left behind.
    """
    temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
    try:
        with _named_if_full(path), temporary.open("xb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Flush a folder's list of names to the disk.

    Raises:
        ExhaustedResourceError: The disk is full.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with _named_if_full(folder):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _named_if_full(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        if fault.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise ExhaustedResourceError(f"{path}: no room on the disk.", hint="Make room and try again.") from fault
