"""A line to a tuner on which questions go in lockstep, and which may break: what every kind of line has in common.

For asks are idempotent, what a broken line leaves open is asked in another way. Not here: the kinds (``ask_frames``,
``ask_stream``), and which is taken (``calls``).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Protocol

from google.protobuf.message import DecodeError
from google.rpc import status_pb2

from nascore.errors import TunerCrashedError
from nascore.status import from_status
from nascore.v1 import tuner_pb2


class AskLine(Protocol):
    """A line, opened when it is first used. One question at a time."""

    async def exchange(self, request: tuner_pb2.StreamAsksRequest) -> tuner_pb2.StreamAsksResponse | None:
        """Return the answer as it came; ``None`` if the line is not there or broke."""

    def close(self) -> None:
        """Give up what is open; twice is harmless."""


async def asked_on(
    line: AskLine, request: tuner_pb2.StreamAsksRequest, *, timeout_s: float
) -> tuner_pb2.AskResponse | None:
    """Return the answer to a question; ``None`` if the line is not there or broke: ask in another way.

    Raises:
        TimeoutError: No answer in time; what was open is given up.
        NascoreError: As the tuner's call would raise.
    """
    try:
        async with asyncio.timeout(timeout_s):
            response = await line.exchange(request)
    except BaseException:
        line.close()  # An answer that comes later would be taken for that of the next question.
        raise
    if response is None:
        line.close()
        return None
    return _answer_in(response)


def _answer_in(response: tuner_pb2.StreamAsksResponse) -> tuner_pb2.AskResponse:
    """Return the answer, or raise the error that came in its place."""
    kind = response.WhichOneof("result")
    if kind == "answer":
        return response.answer
    if kind == "status":
        with suppress(DecodeError):
            raise from_status(status_pb2.Status.FromString(response.status))
    raise TunerCrashedError(
        "A tuner's stream answered with neither an answer nor a status.",
        hint="This is a defect of the tuner; report it to its authors.",
    )
