"""What a request must hold before it reaches the engine; each refusal names the field, the value and the rule.

Not here: the checks of values themselves (``nascore.record.wire``, ``nascore.space.wire``).
"""

from __future__ import annotations

import math
import re

from google.protobuf.message import Message

from nascore.errors import InvalidInputError, SettingsError

MAX_WAIT_S = 60.0
DEFAULT_PAGE = 100
MAX_PAGE = 1000
MAX_ENQUEUED = 256
MAX_DEVICES = 256
MAX_CHECKPOINT = 1024
MAX_WATCHERS = 256
"""Watchers that a server serves at a time."""
MAX_KEPT_BYTES = 3 << 20
"""Largest part of a request that is kept: it must fit into an answer again, beside what the server adds."""

_TUNER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,255}")


def text(value: str, field: str, *, most: int, least: int = 1) -> str:
    """Return ``value`` if its length is within ``least`` and ``most`` characters."""
    if not least <= len(value) <= most:
        raise InvalidInputError(f"{field}: {len(value)} characters, {least} to {most} are needed.", hint="Set it.")
    return value


def request_id(value: str) -> str:
    """Return a request id of 1 to 64 characters."""
    return text(value, "request_id", most=64)


def worker(value: str) -> str:
    """Return a worker's name of 1 to 256 printable characters."""
    if not text(value, "worker", most=256).isprintable():
        raise InvalidInputError(f"worker: {value[:60]!r} has characters that cannot be printed.")
    return value


def experiment(value: str) -> str:
    """Return an id, a prefix, a name or "last", of 1 to 256 characters."""
    return text(value, "experiment", most=256)


def wait(value: float, field: str) -> float:
    """Return a wait in seconds, cut to 60."""
    if math.isnan(value) or value < 0:
        raise InvalidInputError(f"{field}: {value} is not a number of seconds.", hint="Give 0 to 60.")
    return min(value, MAX_WAIT_S)


def present(message: Message, field: str) -> None:
    """Refuse a message whose ``field`` is unset."""
    if not message.HasField(field):
        raise InvalidInputError(f"{field}: unset.", hint="Set it; a newer peer may have sent another kind.")


def size(message: Message, field: str) -> None:
    """Refuse a part of a request that would be kept and could never be sent back."""
    if (found := message.ByteSize()) > MAX_KEPT_BYTES:
        raise InvalidInputError(f"{field}: {found:,} bytes, at most {MAX_KEPT_BYTES:,} are kept.", hint="Send less.")


def count(value: int, field: str, *, most: int, least: int = 1) -> int:
    """Return ``value`` if it is within ``least`` and ``most``."""
    if not least <= value <= most:
        raise InvalidInputError(f"{field}: {value} is not within {least} and {most}.")
    return value


def page_start(token: str) -> int:
    """Return the number after which a page begins: what the token of the page before says, -1 for the first."""
    if not token:
        return -1
    if not (token.isascii() and token.isdigit() and len(token) <= 20):
        raise InvalidInputError(f"page_token: {token[:40]!r} is none of ours.", hint="Pass next_page_token unchanged.")
    return int(token)


def tuner_name(value: str) -> str:
    """Return the name of a tuner; commands and addresses are refused, since only the operator may give those."""
    if not _TUNER_NAME.fullmatch(value):
        raise SettingsError(
            f"tuner: {value[:100]!r} is not a name.",
            hint="Over the wire only names of installed or configured tuners are taken; see `nascore tuners`. "
            "A command or an address is given where the server is started.",
        )
    return value
