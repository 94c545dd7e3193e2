"""`SharedWeights`: a network whose weights several workers train at once.

Exchanges run on a thread of their own while training goes on, and are joined at the next one. Not here: tensors
(``state``), exchanges (``exchange``).
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

from nascore.errors import InvalidInputError, StateError, UnavailableError
from nascore.weights.live import Late, Rule, Terms
from torch import Tensor, nn

from nas_trial.sharing.exchange import Exchange, SharedTable, Tally
from nas_trial.sharing.state import State, Statistics

if TYPE_CHECKING:
    # Never imported at run time by this module: gRPC starts threads, and this process may have yet to fork.
    from nascore.client import Client

_SETTLING = 3


class SharedWeights:
    """One copy of a network's weights, which every worker gives what it has learnt and takes what the others have.

    Parameters are shared as sums of what workers learnt; the optimizer's state stays with each worker. Only tensors
    that changed travel, so a worker that trains a path of a supernet gives that path. Opening it makes the network the
    shared one: that of the table, or for the first worker its own. One thread uses it; a context manager that closes
    itself.

    Args:
        network: The network, on its device, or its tensors by key, as ``state_dict(keep_vars=True)`` gives them.
        table: Name of the shared copy within the experiment; all who use it must give the same arguments.
        client: The server; ``None`` for the one that the environment names.
        experiment: Whose; empty for that of the environment.
        worker: Who this is; empty for that of the environment.
        every: Steps between two exchanges, see `step`.
        fraction: How much of what a worker learnt counts, in (0, 1]: 1 adds up what all learnt, one over the number
            of workers averages it, for the workers as for the shared copy.
        statistics: What is shared of running statistics.
        rate: For ``Statistics.AVERAGE``: how far the shared ones move towards the worker's, in (0, 1].
        max_lag: Largest number of the others' updates at which one's own counts in full; ``None`` for any.
        late: What becomes of others.
        as_bf16: Whether weights come as bfloat16, which halves the bytes; what is learnt goes as it is.
        away_limit_s: Seconds for which to train on alone when the server is away.
        snapshot_every_s: Seconds between two snapshots by this worker, beside exchanges; ``None`` for none.

    Attributes:
        tally: What became of what was given.

    Raises:
        InvalidInputError: There is nothing to share, or an argument is out of range.
        ConflictError: Others share another network, or other arguments, under this name.
        UnavailableError: The server cannot be reached.
    """

    def __init__(
        self,
        network: nn.Module | Mapping[str, Tensor],
        table: str,
        *,
        client: Client | None = None,
        experiment: str = "",
        worker: str = "",
        every: int = 1,
        fraction: float = 1.0,
        statistics: Statistics = Statistics.AVERAGE,
        rate: float = 0.5,
        max_lag: int | None = None,
        late: Late = Late.SCALE,
        as_bf16: bool = False,
        away_limit_s: float = 3600.0,
        snapshot_every_s: float | None = None,
    ) -> None:
        if every < 1:
            raise InvalidInputError(f"every: {every} steps between exchanges; at least 1 is needed.")
        self._every = every
        self._steps = 0
        self._is_closed = False
        self._state = State(network, statistics=statistics, as_bf16=as_bf16, fraction=fraction)
        terms = Terms(Rule.SUM, rate=rate, max_lag=max_lag, late=late)
        self._own_client, self._table = _opened(
            client, table, self._state, terms=terms, experiment=experiment, worker=worker
        )
        self._exchange = Exchange(
            self._table,
            take=self._state.take,
            beginning=self._state.beginning,
            as_bf16=as_bf16,
            away_limit_s=away_limit_s,
            snapshot_every_s=snapshot_every_s,
        )
        try:
            self._exchange.open()
        except BaseException:
            self._end()
            raise
        self._state.adopt()
        self._exchange.taken.clear()

    @property
    def tally(self) -> Tally:
        """What became of what was given; may still change while an exchange is under way."""
        return self._exchange.tally

    def step(self) -> bool:
        """Count a training step, and `sync` at every so many; whether it did."""
        self._steps += 1
        if self._steps % self._every:
            return False
        self.sync()
        return True

    def sync(self) -> None:
        """Take in what the exchange under way has brought, and begin the next; waits only for the former.

        Raises:
            NonFiniteError: A weight is NaN or infinite; the shared copy does not have it.
            UnavailableError: The server has been away for longer than the limit.
        """
        self._check_open()
        if self._exchange.join():
            self._exchange.begin(self._state.renew(self._exchange.taken))
        else:
            self._exchange.go_on()

    def settle(self) -> None:
        """Give everything and take everything, and wait for it: afterwards the network is the shared one.

        Raises:
            UnavailableError: The server cannot be reached; everything else as in `sync`.
        """
        self._check_open()
        for _ in range(_SETTLING):
            self.sync()
            if self._exchange.join():
                self._state.renew(self._exchange.taken)
                self._exchange.taken.clear()
                return
        raise UnavailableError("The shared weights cannot be reached.", hint="Look whether the server runs.")

    def snapshot(self, *, trial: int = 0) -> str:
        """Commit the shared copy as a checkpoint, with which it begins if the server loses it; return its id."""
        self._check_open()
        self.settle()
        return self._table.snapshot(trial=trial).checkpoint

    def drop(self) -> None:
        """Settle, have the server forget the shared copy, and close: for the last one who needs it."""
        self.settle()
        self._table.drop()
        self.close(is_given=False)

    def close(self, *, is_given: bool = True) -> None:
        """Let the shared copy go, after `settle` unless told otherwise. Closing twice is harmless."""
        if self._is_closed:
            return
        try:
            if is_given:
                self.settle()
        finally:
            self._is_closed = True
            self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What led to an error may be in the weights; the others are spared it.
        self.close(is_given=error is None)

    def _end(self) -> None:
        self._exchange.close()
        if self._own_client is not None:
            self._own_client.close()

    def _check_open(self) -> None:
        if self._is_closed:
            raise StateError("These shared weights are closed.", hint="Make new ones.")


def _opened(
    client: Client | None, table: str, state: State, *, terms: Terms, experiment: str, worker: str
) -> tuple[Client | None, SharedTable]:
    """Return the client if it is ours to close, and the table."""
    # Imported here and not above: gRPC starts threads, and a worker may have yet to fork.
    from nascore.client import Client  # noqa: PLC0415
    from nascore.client.live_table import LiveTable  # noqa: PLC0415
    from nascore.client.live_tables import LiveTableCalls  # noqa: PLC0415

    own = Client.from_environment(os.environ) if client is None else None
    connection = (own or client).connection  # type: ignore[union-attr]  # one of the two is there
    shared = LiveTable(
        LiveTableCalls(connection),
        experiment or os.environ.get("NASCORE_EXPERIMENT", ""),
        table,
        worker=worker or os.environ.get("NASCORE_WORKER") or f"worker-{secrets.token_hex(4)}",
        slots=state.slots,
        terms=terms,
    )
    return own, shared
