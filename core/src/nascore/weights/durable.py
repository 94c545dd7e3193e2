"""Writing files that are wholly there or not at all, whatever dies meanwhile.

The order is that of every database: write beside the target, flush to the disk, rename, flush the folder.
"""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Generic, TypeVar

from nascore.errors import ExhaustedResourceError
from nascore.weights.tensor import Data, size_of

TEMPORARY = ".part-"
_TOGETHER = 512
"""Parts that are handed to the system in one call; it takes 1024."""
_SYNCS = 8
"""Files that are flushed at a time: a journalling file system makes one transaction of what comes together."""

_WORTH_THREADS = 8 * 2**20
_WORTH_A_TURN = 128 * 2**10

_FEW = 3
_QUICK_S = 5e-5
"""Seconds in which nothing is flushed to a disk."""

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


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


def write_parts(descriptor: int, parts: Iterable[Data]) -> None:
    """Write parts one after the other from the begin of a file on; nothing is copied to hand many over together.

    Raises:
        OSError: The disk is full or failed.
    """
    left = [memoryview(part).cast("B") for part in parts if size_of(part)]
    left.reverse()  # The next one is the last, so that what was written is cheap to remove.
    offset = 0
    while left:
        written = os.pwritev(descriptor, left[: -_TOGETHER - 1 : -1], offset)
        if not written:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        offset += written
        while written:
            part = left.pop()
            if written < len(part):
                left.append(part[written:])
            written -= min(written, len(part))


def unlink(file: str) -> None:
    """Remove a file if it is there; on plain text, since a checkpoint has hundreds."""
    with suppress(FileNotFoundError):
        os.unlink(file)  # noqa: PTH108 - see above


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
def named_if_failed(path: str | Path) -> Iterator[None]:
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


def flush(paths: Iterable[str | Path]) -> None:
    """Flush files or folders to the disk, several at a time where that takes long.

    Raises:
        ExhaustedResourceError: The disk is full or failed.
    """
    chosen = list(paths)
    if len(chosen) > _FEW and not _is_quick(chosen.pop()):
        side_by_side(_flush, chosen, threads=_SYNCS)
    else:
        side_by_side(_flush, chosen, threads=1)


def _is_quick(path: str | Path) -> bool:
    """Flush something, and say whether that was a matter of memory: threads would then only cost."""
    begun = time.monotonic()
    _flush(path)
    return time.monotonic() - begun < _QUICK_S


def make_folders(folders: Iterable[Path]) -> None:
    """Make folders and those above them, durably; the folder above many is flushed once.

    Raises:
        ExhaustedResourceError: The disk is full or failed.
    """
    missing = [folder for folder in set(folders) if not folder.exists()]
    above = {folder.parent for folder in missing}
    if not missing:
        return
    make_folders(above)
    for folder in missing:
        with named_if_failed(folder):
            folder.mkdir(exist_ok=True)
    flush(above)


def side_by_side(work: Callable[[ItemT], ResultT], items: Sequence[ItemT], *, threads: int = 0) -> list[ResultT]:
    """Return what ``work`` makes of each item, done by several threads.

    Once one has failed no more are begun; when those at work have ended, the error of the first of them is raised.

    Args:
        work: Something that lets other threads run meanwhile: hashing, copying, flushing.
        items: What to do it with.
        threads: How many; 0 for one for each processor.
    """
    count = min(threads or (os.cpu_count() or 1), len(items))
    if count < 2:
        return [work(item) for item in items]
    share = _Share(work, items)
    with ThreadPoolExecutor(count, thread_name_prefix="nascore-weights") as pool:
        for done in [pool.submit(share.do) for _ in range(count)]:
            done.result()
    return share.results()


class _Share(Generic[ItemT, ResultT]):
    """Items that threads take one by one; to hand each over by itself costs as much as to hash 100 KB."""

    def __init__(self, work: Callable[[ItemT], ResultT], items: Sequence[ItemT]) -> None:
        self._work = work
        self._items = items
        self._left = iter(range(len(items)))  # Each number is given to one thread.
        self._found: dict[int, ResultT] = {}
        self._failed: dict[int, BaseException] = {}

    def do(self) -> None:
        """Take items until there are none, or one has failed."""
        for index in self._left:
            if self._failed:
                return
            try:
                self._found[index] = self._work(self._items[index])
            except BaseException as error:  # for who waits
                self._failed[index] = error

    def results(self) -> list[ResultT]:
        """Return what was made, in order."""
        if self._failed:
            raise self._failed[min(self._failed)]
        return [self._found[index] for index in range(len(self._items))]


def threads_for(size: int, count: int) -> int:
    """Return how many threads are worth while for hashing or copying ``count`` things of ``size`` bytes together."""
    return (os.cpu_count() or 1) if size >= _WORTH_THREADS and size >= count * _WORTH_A_TURN else 1


def _flush(path: str | Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with named_if_failed(path):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
