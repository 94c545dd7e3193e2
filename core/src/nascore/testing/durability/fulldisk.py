"""A disk that fills up under a server that is served over its socket, and is emptied again.

While it is full: the end of a trial is refused with RESOURCE_EXHAUSTED, nothing more is in the log than was
acknowledged, and reading goes on, through the server and beside it. When there is room: the same request is taken, by
the same process, and the search goes on as if nothing had happened. The disk is a tmpfs of a few hundred KiB.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nascore.errors import ExhaustedResourceError, NascoreError
from nascore.experiment import DATABASE_NAME, archive
from nascore.record import TrialState
from nascore.testing.durability.judge import Run, calm, judged
from nascore.testing.durability.mounts import small_disk
from nascore.testing.durability.search import accuracy, specification
from nascore.testing.durability.served import Served, served

_TRIALS = 400
_BALLAST_KIB = 1024
_AFTERWARDS = 5
_REFUSALS = 5


@dataclass(slots=True)
class FullDisk:
    """What a full disk found.

    Attributes:
        kept: Trials whose end was acknowledged before the disk was full.
        refused: How often a word was refused while it was full.
        violations: What is wrong, in sentences.
    """

    kept: int = 0
    refused: int = 0
    violations: list[str] = field(default_factory=list)


def fill_disk(workplace: Path, *, kibibytes: int = 600) -> FullDisk:
    """Fill the disk of a server, look, make room, and judge.

    Args:
        workplace: Folder for the server's socket.
        kibibytes: Room for the log until the disk is full.
    """
    reference = calm(_TRIALS)
    found = FullDisk()
    with small_disk(kibibytes + _BALLAST_KIB) as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(_BALLAST_KIB * 1024))
        folder = disk / "run"
        folder.mkdir()
        with served(folder, sockets=workplace) as server:
            server.client.create(specification(), request_id="create")
            said = list(_until_refused(server, found))
            found.violations += _while_full(server, folder, found)
            ballast.unlink()
            said += [_done(server, done) for done in range(found.kept, found.kept + _AFTERWARDS)]
            if status := server.end():
                found.violations.append(f"the server ended with status {status}")
        trials = found.kept + _AFTERWARDS + 2
        found.violations += judged(folder, Run(tuple(said), 0), reference=reference[:trials])
    return found


def _until_refused(server: Served, found: FullDisk) -> Iterator[str]:
    for done in range(_TRIALS):
        try:
            yield _done(server, done)
        except ExhaustedResourceError:
            found.refused += 1
            return
        found.kept = done + 1
    found.violations.append("the disk was never full: this proves nothing")


def _done(server: Served, done: int) -> str:
    lease = server.take(done)
    server.finish(lease, done)
    return f"finish finish-{done} {lease.trial} {accuracy(lease.proposal.architecture)}"


def _while_full(server: Served, folder: Path, found: FullDisk) -> Iterator[str]:
    for _ in range(_REFUSALS):
        try:
            _done(server, found.kept)
        except ExhaustedResourceError:
            found.refused += 1
        else:
            yield "a word was acknowledged while the disk was full"
    ended = [trial for trial in server.reader.list_trials("last") if trial.outcome is not None]
    if len(ended) != found.kept:
        yield f"{found.kept} ends were acknowledged and {len(ended)} are shown"
    record = server.reader.get("last")
    if record.counts[TrialState.SUCCEEDED] != found.kept or not server.reader.list():
        yield f"the experiment shows {dict(record.counts)} where {found.kept} trials have ended"
    if found.kept and not server.reader.best("last"):
        yield "no best trial is shown"
    yield from _beside(folder, found.kept)


def _beside(folder: Path, kept: int) -> Iterator[str]:
    """Read as `nascore show` does, beside the server."""
    try:
        archived = archive.load_database(folder / DATABASE_NAME)
    except NascoreError as error:
        yield f"the log cannot be read beside the server: {error}"
        return
    if archived.record.counts[TrialState.SUCCEEDED] != kept:
        yield f"the log shows {dict(archived.record.counts)} where {kept} trials have ended"
