"""Checkpoints that are stored while training goes on.

The state is copied once, into memory that is used again for the next checkpoint; a thread stores it from there. On a
GPU that memory is pinned and the copy is only begun here: it runs on the current stream, before the next step changes
anything. Not here: saving at once (``nas_trial.weights.save``).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self, SupportsFloat

import torch
from nascore.errors import NascoreError, StateError
from nascore.record import JsonValue
from nascore.weights.access import WeightAccess
from torch import Tensor

from nas_trial.weights.checkpoints import check_state, check_store, plain_metrics, put_marked
from nas_trial.weights.tensors import checked_tensor
from nas_trial.weights.unchanged import marks_of

logger = logging.getLogger(__name__)


class Uploader:
    """Stores checkpoints on a thread of its own, one at a time; used by one thread.

    What fails is raised by the next call, or at the latest by `close`, once. As a context manager it closes at the end;
    if the body raised, a failure of storing is logged instead.

    Args:
        store: Where to keep them: a folder on this machine, or a server's store.
        experiment: Id of the experiment whose they are; left out, that for which the store was opened.
    """

    def __init__(self, store: WeightAccess, *, experiment: str = "") -> None:
        check_store(store)
        self._store = store
        self._experiment = experiment
        self._host: dict[str, Tensor] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="nascore-weights")
        self._running: Future[str] | None = None
        self._is_closed = False

    def save(
        self,
        state: Mapping[str, object],
        *,
        trial: int,
        parents: Sequence[str] = (),
        architecture: str = "",
        metrics: Mapping[str, SupportsFloat] | None = None,
        notes: Mapping[str, JsonValue] | None = None,
        name: str = "",
    ) -> None:
        """Copy a network's ``state_dict()`` and begin to store it; waits for the one before, if that is not stored yet.

        The arguments are those of ``nas_trial.weights.save``; the checkpoint's id is what `wait` returns.

        Raises:
            InvalidInputError: An entry is no tensor, or a metric no finite number; its key is named.
            NascoreError: The checkpoint before could not be stored; this one was not begun.
            StateError: The uploader is closed.
        """
        if self._is_closed:
            raise StateError("The uploader is closed.", hint="Make a new one: Uploader(store).")
        self.wait()
        check_state(state)
        measured = plain_metrics(metrics or {})
        tensors = {key: checked_tensor(value, key=key) for key, value in state.items()}
        self._host = {key: _copied(tensor, self._host.get(key)) for key, tensor in tensors.items()}
        copied, marks = _copies_begun(tensors), marks_of(tensors)

        def store() -> str:
            for event in copied:
                event.synchronize()
            return put_marked(
                self._host,
                self._store,
                marks,
                trial=trial,
                parents=parents,
                architecture=architecture,
                metrics=measured,
                notes=notes,
                experiment=self._experiment,
                name=name,
            )

        self._running = self._thread.submit(store)

    @property
    def is_busy(self) -> bool:
        """Whether a checkpoint is being stored."""
        return self._running is not None and not self._running.done()

    def wait(self) -> str:
        """Wait until the checkpoint that was begun is stored, and return its id; empty if none is waited for.

        Raises:
            NascoreError: It could not be stored.
        """
        running, self._running = self._running, None
        return "" if running is None else running.result()

    def close(self) -> str:
        """Wait like `wait`, and end the thread.

        Raises:
            NascoreError: The last checkpoint could not be stored.
        """
        self._is_closed = True
        try:
            return self.wait()
        finally:
            self._thread.shutdown()
            self._host.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        try:
            self.close()
        except (NascoreError, OSError) as failure:
            logger.warning("The last checkpoint was not stored: %s", failure)


def _copied(tensor: Tensor, host: Tensor | None) -> Tensor:
    is_cuda = tensor.device.type == "cuda"
    is_fit = host is not None and host.shape == tensor.shape and host.dtype == tensor.dtype
    # Only asked for a GPU's: the question alone starts CUDA where there is one.
    if host is None or not is_fit or (is_cuda and not host.is_pinned()):
        host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=is_cuda)
    return host.copy_(tensor, non_blocking=is_cuda)


def _copies_begun(tensors: Mapping[str, Tensor]) -> list[torch.cuda.Event]:
    """Returns an event for each GPU, which comes when all that was copied from it has arrived."""
    events = []
    for device in {tensor.device for tensor in tensors.values() if tensor.device.type == "cuda"}:
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch leaves it without annotations
        event.record(torch.cuda.current_stream(device))
        events.append(event)
    return events
