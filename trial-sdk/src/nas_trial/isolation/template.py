"""The warm template: a process that has imported torch and the trial file, and forks one child for each trial.

It stays single-threaded, so that a fork is safe: it never imports gRPC, never touches CUDA, and runs no torch operation
on more than one thread (one parallel operation here would hang each child in its first). The supervisor tells it what
to start and what to kill; it tells the supervisor what has ended.
"""

from __future__ import annotations

import codecs
import gc
import os
import select
import signal
import socket
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from nas_trial.isolation.channel import Channel
from nas_trial.isolation.child import run_child
from nas_trial.isolation.linux import adopt_orphans, child_processes, die_with_parent, gather_into_huge_pages
from nas_trial.trial import Trial

_SECRETS = ("NASCORE_TOKEN", "NASCORE_TOKEN_FILE")

GATHERED_AFTER = 16
"""Trials after which the template's memory is gathered into huge pages: it costs what some 20 forks save."""


def start_template(trial: Trial, *, folder: Path | None, threads: int) -> tuple[int, Channel]:
    """Fork the template; return its process id and the channel to it.

    Messages to it: ``{"start": id}`` with the child's end of a channel, ``{"kill": id}``. From it:
    ``{"exited": id, "status": as from os.waitpid}``.
    """
    ours, its = Channel.pair()
    supervisor = os.getpid()
    gc.collect()
    # Collections in children would copy every page that the fork shares.
    gc.freeze()
    if pid := os.fork():
        its.close()
        return pid, ours
    try:
        ours.close()
        for secret in _SECRETS:  # The supervisor alone calls the server; what a trial logs of itself must not tell.
            os.environ.pop(secret, None)
        die_with_parent(supervisor)
        _Template(trial, its, folder=folder, threads=threads).serve()
    finally:
        os._exit(1)


class _Template:
    def __init__(self, trial: Trial, control: Channel, *, folder: Path | None, threads: int) -> None:
        self._trial = trial
        self._control = control
        self._folder = folder
        self._threads = threads
        self._children: dict[int, tuple[int, int]] = {}  # pidfd -> (id, pid)
        self._started = 0

    def serve(self) -> None:
        """Serve until the supervisor is gone."""
        for number in (signal.SIGTERM, signal.SIGINT):
            # Signals to the whole group are the supervisor's to answer. A handler is not inherited by programs that
            # the trial starts, as ignoring would be.
            signal.signal(number, _leave_to_supervisor)
        adopt_orphans()
        _import_what_training_needs()
        gc.collect()
        gc.freeze()
        control = self._control.fileno()
        while True:
            ready, _, _ = select.select([control, *self._children], [], [])
            for child in set(ready) - {control}:
                self._reap(child)
            if control in ready and not self._obey(self._control.receive()):
                return

    def _obey(self, message: dict[str, Any] | None) -> bool:
        match message:
            case {"start": int(identifier), "descriptor": int(descriptor)}:
                self._start(identifier, descriptor)
            case {"kill": int(identifier)}:
                for known, pid in self._children.values():
                    if known == identifier:
                        os.kill(pid, signal.SIGKILL)
            case _:
                return False
        return True

    def _start(self, identifier: int, descriptor: int) -> None:
        template = os.getpid()
        pid = os.fork()
        if not pid:
            self._become_child(descriptor, template)
        os.close(descriptor)
        self._children[os.pidfd_open(pid)] = (identifier, pid)
        self._started += 1
        if self._started == GATHERED_AFTER:
            gather_into_huge_pages()

    def _become_child(self, descriptor: int, template: int) -> None:
        self._control.close()
        for other in self._children:
            os.close(other)
        channel = Channel(socket.socket(fileno=descriptor))
        run_child(self._trial, channel, parent=template, folder=self._folder, threads=self._threads)

    def _reap(self, child: int) -> None:
        identifier, pid = self._children.pop(child)
        os.close(child)
        _, status = os.waitpid(pid, 0)
        self._end_orphans()
        self._control.send({"exited": identifier, "status": status})

    def _end_orphans(self) -> None:
        """Ends what a trial's process has left running, also the orphans that this itself leaves."""
        while orphans := child_processes() - {pid for _, pid in self._children.values()}:
            for orphan in orphans:
                os.kill(orphan, signal.SIGKILL)
                os.waitpid(orphan, 0)


def _leave_to_supervisor(number: int, frame: FrameType | None) -> None:
    """Does nothing; see ``serve``."""


def _import_what_training_needs() -> None:
    """Imports what is imported late otherwise, with the first optimizer above all: each child would do it anew."""
    # The order of keys in a checkpoint's manifest (RFC 8785) is that of this encoding, whose module is imported late.
    codecs.lookup("utf-16-be")
    torch.optim.SGD([torch.nn.Parameter(torch.zeros(()))], lr=0.0).zero_grad()
