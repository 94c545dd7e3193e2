"""A search from its beginning to its end: server, workers, progress, and what Ctrl-C does to them.

Used by ``run``, ``resume`` and ``serve``. Not here: what is to be done (``nascore.cli.plan``), workers
(``nascore.cli.crew``), and what is said at the end (``nascore.cli.ending``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nascore.cli.crew import Crew, Watch
from nascore.cli.ending import Ending
from nascore.cli.hosting import Host, Listening, hosted
from nascore.cli.interruption import Interruption
from nascore.cli.lost import deliver, write_off
from nascore.cli.progress import Reporter
from nascore.cli.runfile import RunFile
from nascore.cli.shares import worker_specs
from nascore.eventloop import loop_factory
from nascore.experiment import Engine
from nascore.journal import Location
from nascore.launch import LocalLauncher
from nascore.record import ExperimentState

_TICK_S = 0.25
_GRACE_S = 8.0
_GOING_HOME_S = 5.0


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched, and how.

    Attributes:
        folder: The experiment's folder.
        database: Where its log is.
        run: How its workers are started; without workers it is served until somebody ends it.
        begin: Returns the engine: of a new experiment, or of one that is gone on with.
        reporter: Is told of the progress.
        environ: Environment that workers inherit.
        listening: How it is served.
        greet: Told of the host once it serves; for a server that prints how to connect.
    """

    folder: Path
    database: Location
    run: RunFile
    begin: Callable[[Host], Awaitable[Engine]]
    reporter: Reporter
    environ: dict[str, str]
    listening: Listening
    greet: Callable[[Host, Engine], None]

    def conduct(self) -> Ending:
        """Search until the end, an interruption or a failure, and return how it ended.

        Raises:
            NascoreError: If it cannot begin, or its workers cannot go on.
        """
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(self._conduct())

    async def _conduct(self) -> Ending:
        interruption = Interruption()
        with interruption.listening():
            notice = self.reporter.notice
            async with hosted(self.folder, database=self.database, listening=self.listening, notice=notice) as host:
                engine = await self.begin(host)
                host.announce()
                self.greet(host, engine)
                interruption.on_second(self.reporter.close)
                self.reporter.begin(engine.record(), engine.trials())
                try:
                    await self._watched(host, engine, interruption)
                finally:
                    _catch_up(engine, self.reporter)
                    self.reporter.close()
                return Ending(
                    engine.record(),
                    engine.trials(),
                    engine.best(),
                    self.folder,
                    exit_code=interruption.exit_code,
                    has_code=bool(self.run.trial_file),
                )

    async def _watched(self, host: Host, engine: Engine, interruption: Interruption) -> None:
        """Work on the search while its progress is shown."""
        background = [
            asyncio.create_task(_follow(engine, self.reporter)),
            asyncio.create_task(_tick(self.reporter)),
        ]
        try:
            if self.run.command:
                await self._work(host, engine, interruption)
            else:
                await interruption.wait()
                self.reporter.notice("Stopping: what is at work is finished and saved.")
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)

    async def _work(self, host: Host, engine: Engine, interruption: Interruption) -> None:
        crew = self._crew(host, engine)
        interruption.on_second(lambda: self._give_up(crew))
        ended = asyncio.create_task(engine.wait_ended())
        working = asyncio.create_task(crew.run())
        asked = asyncio.create_task(interruption.wait())
        tasks = (ended, working, asked)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if asked.done() and not ended.done():
                self.reporter.notice("Stopping: running trials are handed back. Ctrl-C again ends at once.")
            elif ended.done():
                await crew.wait_gone(patience_s=_GOING_HOME_S)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            await crew.stop(grace_s=_GRACE_S)
        if isinstance(results[1], Exception):
            raise results[1]

    def _give_up(self, crew: Crew) -> None:
        self.reporter.close()
        crew.kill()

    def _crew(self, host: Host, engine: Engine) -> Crew:
        watch = Watch(
            has_space=lambda: engine.record().spec.space is not None,
            done=lambda: sum(count for state, count in engine.record().counts.items() if state.is_final),
            has_ended=lambda: engine.record().state in (ExperimentState.STOPPED, ExperimentState.FINISHED),
            died=lambda worker: deliver(engine, worker, self.folder),
            lost=lambda worker, status: write_off(engine, worker, status),
            notice=self.reporter.notice,
        )
        return Crew(LocalLauncher(self.environ), worker_specs(self.run, host, engine.id), watch)


async def _follow(engine: Engine, reporter: Reporter) -> None:
    async for change in engine.watch(engine.record().seq):
        reporter.take(change.experiment, change.trial)


async def _tick(reporter: Reporter) -> None:
    while True:
        await asyncio.sleep(_TICK_S)
        reporter.tick()


def _catch_up(engine: Engine, reporter: Reporter) -> None:
    """Tell what was committed since the watcher was last woken; what is told twice shows once."""
    with suppress(RuntimeError):
        for trial in engine.trials():
            reporter.take(None, trial)
        reporter.take(engine.record(), None)
