"""The beginning of a search: its folder, its ``run.json``, its experiment; or taking up one that is there."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from nascore.cli.ending import Ending
from nascore.cli.failure import NotBegunError
from nascore.cli.hosting import Host, Listening, new_request_id, opened
from nascore.cli.lost import hand_back
from nascore.cli.plan import Plan
from nascore.cli.progress import Reporter
from nascore.cli.runfile import RunFile
from nascore.cli.screen import say
from nascore.cli.search import Search
from nascore.cli.serving import listening_of
from nascore.errors import SettingsError
from nascore.experiment import Engine, database_of, experiment_folder, new_identifier, remember_database
from nascore.journal import Location
from nascore.record import ExperimentAction, ExperimentRecord, ExperimentState, Limits

SPACE_FILE = "space.json"


def nothing_to_greet(host: Host, engine: Engine) -> None:
    """Say nothing."""


def begin_search(
    plan: Plan,
    *,
    home: Path,
    reporter: Reporter,
    greet: Callable[[Host, Engine], None] = nothing_to_greet,
    database: Location | None = None,
) -> Ending:
    """Create an experiment, search until it ends, and return how it ended.

    Args:
        plan: What will be done.
        home: Where experiments are kept.
        reporter: Is told of the progress.
        greet: Told of the host once it serves.
        database: Where its log is kept; ``None`` for its folder.

    Raises:
        NascoreError: If it cannot begin, or its workers cannot; nothing is left of it then.
    """
    identifier = new_identifier()
    folder = experiment_folder(home, identifier)
    _make(folder)
    is_created = False

    async def create(host: Host) -> Engine:
        nonlocal is_created
        engine = await host.experiments.create(plan.spec, request_id=new_request_id(), identifier=identifier)
        is_created = True
        return engine

    try:
        plan.run.write(folder)
        if plan.spec.space is not None:
            # For workers whose code has no space of its own, such as scripts written for NNI.
            (folder / SPACE_FILE).write_text(plan.spec.space.to_json(), encoding="utf-8")
        if database is not None:
            remember_database(folder, database)
        place = database or database_of(folder)
        served = listening_of(plan.run)
        return Search(folder, place, plan.run, create, reporter, dict(os.environ), served, greet).conduct()
    except NotBegunError:
        if database is not None and is_created:
            asyncio.run(_forget(identifier, database))
        is_created = False
        raise
    finally:
        if not is_created:
            shutil.rmtree(folder, ignore_errors=True)


async def _forget(identifier: str, database: Location) -> None:
    """Delete an experiment from a database that is not deleted with its folder."""
    async with opened(database, notice=say, listening=Listening()) as experiments:
        await experiments.get(identifier).update(new_request_id(), action=ExperimentAction.STOP)
        await experiments.delete(identifier, request_id=new_request_id())


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, mode=0o700)
        for name in ("logs", "weights"):
            (folder / name).mkdir()
    except OSError as error:
        raise SettingsError(
            f"The folder of the experiment cannot be made, {folder}: {error.strerror}.",
            hint="Choose another place for experiments with `--home FOLDER` or NASCORE_HOME.",
        ) from error


def go_on(
    identifier: str,
    folder: Path,
    *,
    run: RunFile,
    limits: Limits,
    reporter: Reporter,
    check: Callable[[ExperimentRecord, Limits], None],
    greet: Callable[[Host, Engine], None] = nothing_to_greet,
    database: Location | None = None,
) -> Ending:
    """Go on with an experiment until it ends, and return how it ended.

    Args:
        identifier: Its full id.
        folder: Its folder.
        run: How its workers are started.
        limits: Limits to change; only the set ones.
        reporter: Is told of the progress.
        check: Called with the experiment as it stands and ``limits``; raises if it shall be left as it is.
        greet: Told of the host once it serves.
        database: Where its log is; ``None`` for what its folder says.

    Raises:
        HeldError: If another process has it open.
    """

    async def take_up(host: Host) -> Engine:
        engine = host.experiments.get(identifier)
        check(engine.record(), limits)
        run.write(folder)
        if run.command:
            await hand_back(engine, folder)
        if engine.record().state is not ExperimentState.RUNNING or limits != Limits():
            changes = None if limits == Limits() else limits
            await engine.update(new_request_id(), action=ExperimentAction.RESUME, limits=changes)
        return engine

    place = database or database_of(folder)
    return Search(folder, place, run, take_up, reporter, dict(os.environ), listening_of(run), greet).conduct()
