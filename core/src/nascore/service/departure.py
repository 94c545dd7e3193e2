"""Callers who leave in the middle of an answer: no defect of anybody, so nothing that is logged.

Core then fails a call's next batch, which ``grpc.aio`` raises as `grpc.aio.InternalError`: to who writes to a stream,
and, with a whole traceback, into its own log where it sends an answer or a status itself. A batch that core does not
even take, because we ask for what cannot be, is raised by the same type with a code of core; that is a defect.
"""

from __future__ import annotations

import logging

import grpc

_GRPC = "grpc._cython.cygrpc"
_NOT_TAKEN = "grpc_call_error"


def is_departure(error: BaseException | None) -> bool:
    """Whether an error of a call means that its caller is gone."""
    return isinstance(error, grpc.aio.InternalError) and _NOT_TAKEN not in str(error)


class _Silence(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        return not is_departure(record.exc_info[1] if record.exc_info else None)


_SILENCE = _Silence()


def expect_departures() -> None:
    """Have ``grpc.aio`` log them no more in this process; everything else it logs as before."""
    logging.getLogger(_GRPC).addFilter(_SILENCE)
