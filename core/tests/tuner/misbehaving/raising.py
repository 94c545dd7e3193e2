"""What a tuner may raise: each fails one call, and costs no process."""

import asyncio
import sys


class OddError(BaseException):
    """Not even an Exception."""


class Speechless(Exception):
    """Cannot say what is wrong."""

    def __str__(self):
        raise ValueError("no words")


def deep(number=0):
    return deep(number + 1)


def value():
    raise ValueError("bad luck")


def odd():
    raise OddError("very bad luck")


def leave():
    sys.exit(7)


def memory():
    raise MemoryError("a polite one")


def cancelled():
    raise asyncio.CancelledError("not by you")


def stopped():
    raise StopIteration(3)


def speechless():
    raise Speechless


RAISING = {
    "value": value,
    "odd": odd,
    "leave": leave,
    "memory": memory,
    "recursion": deep,
    "cancelled": cancelled,
    "stopped": stopped,
    "speechless": speechless,
}
