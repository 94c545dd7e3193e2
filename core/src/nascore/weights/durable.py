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
        ExhaustedResourceError: The disk is full or failed; nothing is left behind.
    """
    temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
    try:
        with named_if_failed(path), temporary.open("xb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        with named_if_failed(path):
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Flush a folder's list of names to the disk.

    Raises:
        ExhaustedResourceError: The disk is full or failed.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with named_if_failed(folder):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def named_if_failed(path: Path) -> Iterator[None]:
    """Turn the errors of a full or failing disk into ours.

    Raises:
        ExhaustedResourceError: The disk is full, or failed.
    """
    try:
        yield
    except OSError as fault:
        if fault.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
        what = "the disk failed" if fault.errno == errno.EIO else "no room on the disk"
        raise ExhaustedResourceError(f"{path}: {what}.", hint="Mend that and try again.") from fault
