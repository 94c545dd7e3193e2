"""A search's line to a server: samples, and weights that workers share. Also how a worker's processes reach one.

Not here: a worker's post (``nas_trial.remote_post``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from nascore.record import Lease, SampleExchange
from torch import nn

from nas_trial.sharing import SharedWeights

if TYPE_CHECKING:
    # Never imported at run time by this module: gRPC starts threads, and this process may have yet to fork.
    from nascore.client import Client

PATIENCE_S = 2.0
"""Seconds for which a client tries again by itself, so that a server that restarts at once is not missed."""
TIMEOUT_S = 10.0
"""Seconds after which a call without an answer counts as unanswered, beside those that the server may wait."""


def client_of(way: Mapping[str, str]) -> Client:
    """Return a client to the server that an environment names; nothing is called yet.

    Raises:
        UnavailableError: The server's name does not resolve.
        PermissionDeniedError: The token cannot be read.
    """
    # Imported here and not above: gRPC starts threads, and a worker may have yet to fork.
    from nascore.client import Client  # noqa: PLC0415

    return Client.from_environment(way, patience_s=PATIENCE_S, timeout_s=TIMEOUT_S)


class RemoteLine:
    """A search's line to a server; see `nas_trial.oneshot.line.Line`.

    Args:
        client: To the server.
        experiment: Id of the experiment.
        worker: Name of the worker.
        lease: The trial's lease.
    """

    def __init__(self, client: Client, experiment: str, worker: str, *, lease: Lease) -> None:
        self._client = client
        self._experiment = experiment
        self._worker = worker
        self._lease = lease

    def samples(self) -> SampleExchange:
        """Return the exchange of samples."""
        return self._client.samples(self._experiment, self._worker, self._lease.trial, self._lease.epoch)

    def shared(self, network: nn.Module, table: str, *, every: int) -> SharedWeights:
        """Return a network's weights as one copy with those of other workers."""
        return SharedWeights(
            network, table, client=self._client, experiment=self._experiment, worker=self._worker, every=every
        )


def line_of(way: Mapping[str, str], lease: Lease) -> RemoteLine:
    """Return the line of a search that runs in a process of its own.

    The process speaks to the server itself, over a connection that it makes after the fork: a hop through the
    supervisor would lengthen each exchange, and could not be used while the supervisor is told to end.

    Args:
        way: From `Post.way` of the worker.
        lease: The trial's lease.
    """
    # Forks of the trial, such as a loader's processes, do not use the connection, so nothing has to survive in them.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    return RemoteLine(client_of(way), way["NASCORE_EXPERIMENT"], way["NASCORE_WORKER"], lease=lease)
