"""The crew: the workers of a search on this machine, started, watched, started again, and stopped.

A worker that dies before it has said what its space is would only die again: the search ends with the last lines of
what it printed. One that dies later is started again, each time a little later; five deaths in a row without a trial
that ended in between end the search. Not here: processes (``nascore.launch``).
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nascore.cli.failure import NotBegunError, SearchFailedError
from nascore.cli.logfile import last_lines, without_own_frames
from nascore.launch import Launcher, Worker, WorkerSpec, WorkerStatus

MOST_DEATHS = 5
_POLL_S = 0.1
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 10.0
_SHOWN_LINES = 25
_READ_LINES = 200


@dataclass(frozen=True, slots=True)
class Watch:
    """What the crew asks about the search that it works for.

    Attributes:
        has_space: Whether a worker has told the space yet.
        done: Number of trials that have ended.
        has_ended: Whether the search has ended, so that workers may go home.
        died: Told of a worker that has died, so that what it had finished counts.
        lost: Told of it then, so that what it had not finished is begun again at once.
        notice: Tells a person something.
    """

    has_space: Callable[[], bool]
    done: Callable[[], int]
    has_ended: Callable[[], bool]
    died: Callable[[str], Awaitable[None]]
    lost: Callable[[str, WorkerStatus], Awaitable[None]]
    notice: Callable[[str], None]


@dataclass(slots=True)
class _Place:
    """One worker's place: what is run there, and since when it is empty."""

    spec: WorkerSpec
    worker: Worker | None = None
    start_at: float = 0.0


@dataclass(slots=True)
class Crew:
    """The workers of a search. Belongs to one event loop.

    Args:
        launcher: Starts and stops processes.
        specs: One for each worker.
        watch: What there is to know about the search.
    """

    launcher: Launcher
    specs: Sequence[WorkerSpec]
    watch: Watch
    _places: list[_Place] = field(default_factory=list)
    _deaths: int = 0
    _done_at_death: int = 0

    async def run(self) -> None:
        """Start all workers and keep them at work until the search has ended.

        Raises:
            NotBegunError: If a worker dies before any has told the space.
            SearchFailedError: If workers die and nothing comes of starting them again.
            InvalidInputError: If the command cannot be started at all.
        """
        self._places = [_Place(spec) for spec in self.specs]
        while not self.watch.has_ended():
            for place in self._places:
                await self._look(place)
            await asyncio.sleep(_POLL_S)

    async def _look(self, place: _Place) -> None:
        now = asyncio.get_running_loop().time()
        if place.worker is None:
            if now >= place.start_at:
                place.worker = self.launcher.start(place.spec)
            return
        status = self.launcher.poll(place.worker)
        if status.is_running or self.watch.has_ended():
            return
        place.worker = None
        await self.watch.died(place.spec.name)
        wait_s = self._wait_after_death(place.spec, status)
        await self.watch.lost(place.spec.name, status)
        self._done_at_death = self.watch.done()  # the trial that was just lost is no sign of life
        place.start_at = now + wait_s
        self.watch.notice(
            f"{place.spec.name} {status}; it is started again in {wait_s:g} s (see {place.spec.log_file})"
        )

    def _wait_after_death(self, spec: WorkerSpec, status: WorkerStatus) -> float:
        if not self.watch.has_space():
            raise _failed_at_start(spec, status)
        if self.watch.done() > self._done_at_death:
            self._deaths = 0
        self._deaths += 1
        if self._deaths >= MOST_DEATHS:
            raise _keeps_dying(spec, status)
        return min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** (self._deaths - 1))

    async def stop(self, *, grace_s: float) -> None:
        """Ask all workers to end, and end them by force after ``grace_s`` seconds."""
        workers = [place.worker for place in self._places if place.worker is not None]
        await asyncio.to_thread(self.launcher.stop_all, workers, grace_s=grace_s)

    async def wait_gone(self, *, patience_s: float) -> None:
        """Wait until all workers have gone home by themselves, at most ``patience_s`` seconds."""
        loop = asyncio.get_running_loop()
        until = loop.time() + patience_s
        workers = [place.worker for place in self._places if place.worker is not None]
        while loop.time() < until and any(self.launcher.poll(worker).is_running for worker in workers):
            await asyncio.sleep(_POLL_S / 2)

    def kill(self) -> None:
        """End all workers by force, at once."""
        workers = [place.worker for place in self._places if place.worker is not None]
        self.launcher.stop_all(workers, grace_s=0.0)


def _failed_at_start(spec: WorkerSpec, status: WorkerStatus) -> NotBegunError:
    printed = last_lines(spec.log_file, _READ_LINES)
    if status.code == 0:
        return NotBegunError(
            f"{spec.name} ended without asking for a trial.",
            where=shlex.join(spec.command[1:]) or spec.command[0],
            excerpt=printed,
            hint="The last line of a trial file starts it: `nas.run(MyTrial())`.",
        )
    return NotBegunError(
        f"{spec.name} {status} before its first trial. The last lines of what it printed:",
        where=shlex.join(spec.command[1:]) or spec.command[0],
        excerpt="\n".join(without_own_frames(printed).splitlines()[-_SHOWN_LINES:]),
        hint=f"Mend it; to see it alone, run `{_shown(spec.command)}`.",
    )


def _keeps_dying(spec: WorkerSpec, status: WorkerStatus) -> SearchFailedError:
    return SearchFailedError(
        f"Workers died {MOST_DEATHS} times in a row without ending a trial; last {spec.name} {status}.",
        where=str(spec.log_file),
        excerpt=last_lines(spec.log_file, _SHOWN_LINES),
        hint="Mend the trial, then go on with `nascore resume`.",
    )


def _shown(command: Sequence[str]) -> str:
    first, *rest = command
    return " ".join(["python" if Path(first).name.startswith("python") else first, *rest])
