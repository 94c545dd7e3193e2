"""All experiments in one database, held by one process: made, found, listed, deleted.

Opening takes the database's lock and reads every log; nothing else is needed to go on after a crash. Not here: what
one experiment does (``engine``), and reading without the lock (``archive``).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from nascore.errors import ConflictError, NascoreError, NotFoundError, StateError, UnavailableError
from nascore.experiment.clock import Clock, SystemClock
from nascore.experiment.counterpart import Connect
from nascore.experiment.engine import Engine
from nascore.experiment.home import check_identifier, new_identifier
from nascore.experiment.naming import found, newest_first
from nascore.experiment.requests import check_name, check_room
from nascore.experiment.state import State
from nascore.experiment.summary import keep
from nascore.experiment.transitions import replayed
from nascore.journal.contract import Journal
from nascore.journal.holder import Hold, Holder
from nascore.journal.location import Location, parse_location
from nascore.journal.opening import open_journal, reading
from nascore.record import ExperimentRecord, ExperimentSpec
from nascore.record.jsonform import spec_to_json


class Experiments:
    """All experiments in one database; made by `open`, on one event loop.

    Attributes:
        hold: The hold on the database; tell others through it where this process serves.
    """

    def __init__(self, journal: Journal, *, database: Location, hold: Hold, connect: Connect, clock: Clock) -> None:
        self.hold = hold
        self._database = database
        self._journal = journal
        self._connect = connect
        self._clock = clock
        self._engines: dict[str, Engine] = {}
        self._requests: dict[str, tuple[str, str]] = {}  # Of creation: id and digest by request id.
        self._creating: dict[str, tuple[str, asyncio.Task[Engine]]] = {}
        self._taken: set[str] = set()  # Ids of those that are being created.
        self._is_closed = False

    @classmethod
    async def open(
        cls, database: str | Location, *, holder: Holder, connect: Connect, clock: Clock | None = None
    ) -> Experiments:
        """Take the database, read its logs, and go on where they end.

        Args:
            database: A file for SQLite, or the URL of a PostgreSQL database.
            holder: Who we are, for others to read.
            connect: Gives a session with a tuner.
            clock: What tells the time.

        Raises:
            HeldError: Another process holds it.
            StateError: It was made by a newer nascore or another program.
            DataLossError: It is damaged; experiment and place are named.
            UnavailableError: Its server cannot be reached.
            PluginError: It is in PostgreSQL, and psycopg is not installed.
        """
        place = parse_location(database)
        journal, hold = await open_journal(place, holder=holder)
        experiments = cls(journal, database=place, hold=hold, connect=connect, clock=clock or SystemClock())
        try:
            await experiments._load()
        except BaseException:
            await experiments.close()
            raise
        return experiments

    async def create(self, spec: ExperimentSpec, *, request_id: str, identifier: str | None = None) -> Engine:
        """Begin an experiment.

        Args:
            spec: What is asked for; a seed is drawn and a name made where it has none.
            request_id: The same id again gives the same experiment.
            identifier: Its id, where the caller has made a folder for it already; ``None``: a random one.

        Raises:
            NotFoundError: There is no such tuner.
            SettingsError: The tuner's settings are wrong.
            UnsupportedError: The tuner cannot tune the space.
            ConflictError: The request id was used for another specification, or the id is taken.
            ExhaustedResourceError: There are too many experiments.
        """
        self._check_open()
        check_name("request_id", request_id)
        digest = _digest(spec)
        known, creating = self._requests.get(request_id), self._creating.get(request_id)
        earlier = known[1] if known else creating[0] if creating else digest
        if earlier != digest:
            raise ConflictError(
                f"Request {request_id!r} created another experiment before.", hint="Use a new request id."
            )
        if known is not None:
            return self.get(known[0])
        if creating is None:
            check_room(self.list())
            task = asyncio.create_task(self._create(spec, digest, request_id=request_id, identifier=identifier))
            creating = self._creating[request_id] = (digest, task)
            task.add_done_callback(lambda _: self._creating.pop(request_id, None))
        return await asyncio.shield(creating[1])

    def get(self, identifier: str) -> Engine:
        """Return an experiment by its id, the beginning of it, its name, or "last".

        Raises:
            NotFoundError: There is none, or several; those that may be meant are named.
        """
        return self._engines.get(identifier) or self._engines[found(self.list(), identifier).id]

    def list(self) -> tuple[ExperimentRecord, ...]:
        """Return all experiments, newest first."""
        return newest_first([engine.record() for engine in reversed(self._engines.values())])

    async def delete(self, identifier: str, *, request_id: str) -> None:
        """Remove an experiment that has ended, and its record; not undone.

        Raises:
            NotFoundError: There is none.
            StateError: It has not ended.
        """
        self._check_open()
        check_name("request_id", request_id)
        try:
            engine = self.get(identifier)
        except NotFoundError:
            if request_id in await self._journal.deletions():
                return
            raise
        await engine.settled()
        if engine.record().end_reason is None:  # After the wait: somebody may have resumed it meanwhile.
            raise StateError(f"Experiment {engine.id} has not ended; it is not deleted.", hint="Stop it first.")
        await self._journal.delete(engine.id, request_id=request_id)
        self._engines.pop(engine.id, None)
        self._requests = {key: value for key, value in self._requests.items() if value[0] != engine.id}
        await engine.close()

    async def close(self) -> None:
        """Lease no more, finish what is being written, save the tuners' states, and let the database go."""
        if self._is_closed:
            return
        self._is_closed = True
        creating = [task for _, task in self._creating.values()]
        for task in creating:
            task.cancel()
        await asyncio.gather(*creating, return_exceptions=True)  # Each lets go of its tuner.
        engines = list(self._engines.values())
        results = await asyncio.gather(*(engine.close() for engine in engines), return_exceptions=True)
        await self._journal.close()
        await asyncio.to_thread(self._keep_summaries)
        self.hold.release()
        for result in results:
            if isinstance(result, BaseException):
                raise result

    def _keep_summaries(self) -> None:
        """Leave beside each log that lies in its own folder what a list of experiments shows of it."""
        if not isinstance(self._database, Path):
            return
        with suppress(NascoreError), reading(self._database) as reader:  # A cache: the log itself is read without it.
            for engine in self._engines.values():
                last = reader.last(engine.id)
                if self._database.parent.name == engine.id and last is not None:
                    summary = engine.summary()
                    if summary.record.seq == last.seq:
                        keep(self._database.parent, summary, last)

    async def _load(self) -> None:
        for identifier in await self._journal.experiments():
            state = await replayed(identifier, self._journal)
            engine = self._engine(state)
            self._engines[identifier] = engine
            self._requests[state.create_request] = (identifier, state.create_digest)
        for engine in self._engines.values():
            engine.start()

    async def _create(self, spec: ExperimentSpec, digest: str, *, request_id: str, identifier: str | None) -> Engine:
        name = self._free_identifier(identifier)
        seed = secrets.randbits(63) if spec.seed is None else spec.seed
        engine = self._engine(State(name))
        self._taken.add(name)
        try:
            full = replace(spec, seed=seed, name=spec.name or name)
            await engine.create(full, digest=digest, request_id=request_id)
        except BaseException:
            with suppress(NascoreError):
                await engine.close()
            raise
        finally:
            self._taken.discard(name)
        self._engines[name] = engine
        self._requests[request_id] = (name, digest)
        return engine

    def _free_identifier(self, wanted: str | None) -> str:
        if wanted is None:
            return new_identifier()
        check_identifier(wanted)
        if wanted in self._engines or wanted in self._taken:
            raise ConflictError(f"There is an experiment {wanted} already.", hint="Leave the id to the server.")
        return wanted

    def _engine(self, state: State) -> Engine:
        return Engine(state, self._journal, connect=self._connect, clock=self._clock)

    def _check_open(self) -> None:
        if self._is_closed:
            raise UnavailableError("The server is stopping.", hint="Try again when it is back.")


def _digest(spec: ExperimentSpec) -> str:
    return hashlib.sha256(json.dumps(spec_to_json(spec), sort_keys=True).encode()).hexdigest()
