"""A worker: what ``nas.run`` becomes under ``nascore run``, from reading the space to the last trial.

The order matters: the space is read and the template forked while this process has one thread; only then does it
import gRPC. Not here: attending a trial (``supervisor``, ``in_process``).
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Mapping
from functools import partial

import torch
from nascore.errors import NascoreError, PermissionDeniedError, UnavailableError
from nascore.failpoints import VARIABLE, arm
from nascore.record import EndReason
from nascore.space import SearchSpace

from nas_trial import remote_post
from nas_trial.build import build
from nas_trial.environment import Isolation, WorkerEnvironment
from nas_trial.extract import extract
from nas_trial.in_process import work_in_process
from nas_trial.isolation import Channel, start_template
from nas_trial.isolation.linux import thread_count
from nas_trial.oneshot.carrying import settle_search
from nas_trial.post import Post, work_through
from nas_trial.supervisor import Supervisor
from nas_trial.termination import Terminated, end_of_termination, on_termination
from nas_trial.trial import Trial
from nas_trial.trial_log import shared_log_file
from nas_trial.trial_process import TemplateDied

logger = logging.getLogger(__name__)

_LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_OF_LEASES = ("absence", "courier", "heartbeat", "in_process", "post", "remote_post")
"""Modules that speak of leases and of the server, and not of what a trial does."""
_MAX_RESTARTS = 10
_RESTARTS = "NASCORE_RESTARTS"


def work(trial: Trial, environ: Mapping[str, str]) -> int:
    """Carry out trials of the experiment that the environment names, until there are no more.

    Returns:
        The exit code: 0 if the experiment ended or the worker was asked to end.

    Raises:
        SettingsError: The environment is not complete.
        SpaceError: The trial's space is not valid, or not that of the experiment.
    """
    _log_to_stderr()
    arm(environ.get(VARIABLE, ""))
    # Before anything else: a torch operation on several threads would leave threads behind that a fork loses.
    torch.set_num_threads(1)
    environment = WorkerEnvironment.read(environ)
    space = extract(trial.build)
    _remember(trial, space)
    trouble = _why_not_fork()
    if environment.isolation is Isolation.FORK and trouble:
        logger.warning("Trials share this process (NASCORE_ISOLATION=none), because %s.", trouble)
    if environment.isolation is Isolation.NONE or trouble:
        _log_of_server_to_own_stderr()
        torch.set_num_threads(environment.threads)
        return _until_terminated(trial, space, environment, template=None)
    _, template = start_template(trial, folder=environment.folder, threads=environment.threads)
    return _until_terminated(trial, space, environment, template=template)


def _until_terminated(
    trial: Trial, space: SearchSpace, environment: WorkerEnvironment, *, template: Channel | None
) -> int:
    on_termination()
    try:
        post = remote_post.connected(environment)
    except UnavailableError as error:
        return _ended_by(error)
    try:
        post.register(space, devices=(trial.device,))
        reason = _work(trial, post, environment, template)
    except Terminated as ended:
        end_of_termination()
        post.give_back()
        # A report may wait for a server that is away, on a thread that the interpreter would wait for in turn.
        post.close()
        return ended.exit_code
    except TemplateDied as error:
        post.give_back()
        _start_again(error)
    except (UnavailableError, PermissionDeniedError) as error:
        post.close()
        return _ended_by(error)
    post.close()
    logger.info("The experiment has ended: %s.", reason)
    return 0


def _ended_by(error: NascoreError) -> int:
    logger.error("The worker ends, for there is no server for it: %s", error)
    return 1


def _work(trial: Trial, post: Post, environment: WorkerEnvironment, template: Channel | None) -> EndReason | None:
    if template is None:
        log = shared_log_file(environment.folder, environment.worker)
        return work_in_process(trial, post, folder=environment.folder, log=log)
    supervisor = Supervisor(post, template, folder=environment.folder)
    try:
        settle = partial(settle_search, environment.folder, experiment=post.experiment)
        return work_through(post, supervisor.carry, settle=settle)
    except Terminated:
        end_of_termination()
        supervisor.save()
        raise
    finally:
        supervisor.kill()


def _remember(trial: Trial, space: SearchSpace) -> None:
    """Has ``build`` read the space once here, and not once in each child; the meta device makes it cheap."""
    try:
        with torch.device("meta"):
            build(trial.build, space.default())
    except Exception as error:
        # The user's code: an architecture that cannot be built is a trial's failure, and none of the worker.
        logger.warning("The default architecture cannot be built: %s", error)


def _why_not_fork() -> str:
    if sys.platform != "linux":
        return "only Linux can end a trial's process with its worker"
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]  # torch leaves it without annotations
        return "CUDA is in use already, and does not survive a fork; touch it in the trial's methods only"
    if (count := thread_count()) > 1:
        return f"{count} threads run already, and a fork loses them; start none before nas.run"
    return ""


def _start_again(error: TemplateDied) -> None:
    """Replaces this process by a fresh worker with the same arguments; it has no threads, so it can fork again."""
    restarts = int(os.environ.get(_RESTARTS, "0")) + 1
    if restarts > _MAX_RESTARTS:
        raise error
    logger.warning("%s Starting again (%d of at most %d times).", error, restarts, _MAX_RESTARTS)
    time.sleep(min(restarts - 1, 5))
    os.environ[_RESTARTS] = str(restarts)
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  # our own command line once more


def _log_to_stderr() -> None:
    """A worker is a program of its own, so it decides where log records go: to its standard error, which is logged."""
    logging.basicConfig(level=logging.INFO, format=_LOG_FORMAT)


def _log_of_server_to_own_stderr() -> None:
    """Keeps what is said of leases and of the server out of the log of the trials that run in this process."""
    handler = logging.StreamHandler(os.fdopen(os.dup(2), "w", buffering=1))
    handler.setFormatter(logging.Formatter(_LOG_FORMAT))
    for name in _OF_LEASES:
        speaking = logging.getLogger(f"nas_trial.{name}")
        speaking.addHandler(handler)
        speaking.propagate = False
