"""Checks of a tuner behind a socket: garbage, strangers, short deadlines, callers that give up, and its memory."""

from __future__ import annotations

from itertools import cycle
from random import Random

import grpc

from nascore.testing.conformance.bench import Bench
from nascore.testing.conformance.breach import BreachError, NeedlessError, assert_same_answer
from nascore.testing.conformance.search import Search, Turn
from nascore.testing.conformance.stage import Stage
from nascore.testing.conformance.subject import WireSubject
from nascore.tuner.session import Answer
from nascore.tuner.wire import answer_from_message, asking_to_message, opening_to_message
from nascore.v1 import tuner_pb2

_TIMEOUT_S = 30.0
_SHORT_S = (0.001, 0.01, 0.1)
"""Seconds after which a caller has no time left or gives up: before the tuner hears of it, in between, and after."""
_METHODS = ("Describe", "Open", "Ask", "Tell", "Replay", "Review", "Derive", "Snapshot", "Close")
_ABSENT = (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION)
_LOST = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
_BATCH = 16
_WARM_UP, _ROUND = 1024, 2048
_QUICK_WARM_UP, _QUICK_ROUND = 256, 256
_ROUNDS = 3
_ALLOWED_BYTES = 8 * 1024**2
_ALLOWED_BYTES_AN_ASK = 4 * 1024
_SESSION = "conformance"


def check_unknown_session(bench: Bench) -> None:
    """Asked in a session that is not open, it says so; closing one is harmless."""
    wire = bench.wire
    stage = bench.stages[0]
    request = asking_to_message("nobody", 0, seeds=[1], outcomes=(), told_through=0)
    code, details, _ = wire.call("Ask", request, timeout_s=_TIMEOUT_S)
    if code not in _ABSENT:
        raise BreachError(
            f"Asked in a session that is not open it answers {code.name} {details[:120]!r}; NOT_FOUND is what a search "
            "understands: it opens the session and replays the log."
        )
    raw = _RawSession(wire, bench, stage)
    for _ in range(2):
        code, details, _ = wire.call("Close", tuner_pb2.CloseRequest(session=_SESSION), timeout_s=_TIMEOUT_S)
        if code is not grpc.StatusCode.OK:
            raise BreachError(f"Closing a session twice is not harmless: {code.name} {details[:120]!r}.")
    raw.open()


def check_garbage(bench: Bench) -> None:
    """Requests that make no sense get an error; the process lives, and its sessions are unharmed."""
    wire, stage = bench.wire, bench.stages[0]
    turns = bench.searched(stage, 3)
    raw = _RawSession(wire, bench, stage)
    for turn in turns:
        for method, body in _garbage(bench.seed + turn.first_number):
            code, details, _ = wire.call(method, body, timeout_s=_TIMEOUT_S)
            if code in _LOST or not wire.is_running:
                raise BreachError(f"{len(body)} bytes of garbage to {method} ended in {code.name}: {details[:160]}")
        answer = raw.ask(turn)
        if bench.repeats:
            assert_same_answer(turn.answer, answer, when="after garbage had come in between")


def _garbage(seed: int) -> list[tuple[str, bytes]]:
    """What no caller of ours would send; nothing of it is for the session under examination."""
    generator = Random(seed)
    noise = [(method, generator.randbytes(generator.randrange(1, 200))) for method in _METHODS]
    empty = [(method, b"") for method in _METHODS]
    huge = 2**63
    odd = [
        ("Ask", tuner_pb2.AskRequest(session="nobody", first_number=huge, seeds=[1] * 300, told_through=huge)),
        ("Ask", tuner_pb2.AskRequest(session="nobody")),
        ("Tell", tuner_pb2.TellRequest(session="nobody", outcomes=[tuner_pb2.Told(seq=huge)], after_seq=huge)),
        ("Open", tuner_pb2.OpenRequest(session="stranger", settings_json="{")),
        ("Open", tuner_pb2.OpenRequest(session="stranger", settings_json="[1]")),
        ("Nonsense", tuner_pb2.DescribeRequest()),
    ]
    return [*noise, *empty, *((method, message.SerializeToString()) for method, message in odd)]


def check_deadlines(bench: Bench) -> None:
    """A caller with no time left harms nobody: the same question gives the same answer afterwards."""
    wire, stage = bench.wire, bench.stages[0]
    turns = bench.searched(stage, 6)
    raw = _RawSession(wire, bench, stage)
    for turn, short_s in zip(turns, cycle(_SHORT_S), strict=False):
        wire.call("Ask", raw.question(turn), timeout_s=short_s)
        answer = raw.ask(turn)
        if bench.repeats:
            assert_same_answer(turn.answer, answer, when="after its deadline had passed once")


def check_cancellation(bench: Bench) -> None:
    """A caller that gives up harms nobody either."""
    wire, stage = bench.wire, bench.stages[0]
    turns = bench.searched(stage, 6)
    raw = _RawSession(wire, bench, stage)
    for turn, short_s in zip(turns, cycle(_SHORT_S), strict=False):
        wire.cancel("Ask", raw.question(turn), after_s=short_s)
        answer = raw.ask(turn)
        if bench.repeats:
            assert_same_answer(turn.answer, answer, when="after the call had been given up once")


def check_memory(bench: Bench) -> None:
    """Thousands of questions do not make it grow without end."""
    wire = bench.wire
    if not wire.is_ours:
        raise NeedlessError("Its process is not ours; its memory cannot be seen.")
    warm_up, round_ = (_QUICK_WARM_UP, _QUICK_ROUND) if bench.is_quick else (_WARM_UP, _ROUND)
    stage = bench.trial_stage
    search = Search(bench.open(stage), stage)
    _ask(search, warm_up)
    allowed = _ALLOWED_BYTES + _ALLOWED_BYTES_AN_ASK * round_
    # A collector may be lazy once or twice; a leak never ends.
    growths = []
    for _ in range(_ROUNDS):
        before = wire.memory_bytes()
        asked = _ask(search, round_)
        growths.append(wire.memory_bytes() - before)
        if growths[-1] <= allowed or asked < round_:
            return
    raise BreachError(
        f"It grew by {min(growths) / 1024**2:.0f} MiB or more in each of {_ROUNDS} times {round_} questions; "
        f"{allowed / 1024**2:.0f} MiB are allowed."
    )


def _ask(search: Search, count: int) -> int:
    before = search.next_number
    while not search.is_over and search.next_number < before + count:
        search.turn(want=_BATCH)
    return search.next_number - before


class _RawSession:
    """A session in which single calls may be lost, which a `RemoteTuner` never risks."""

    def __init__(self, wire: WireSubject, bench: Bench, stage: Stage) -> None:
        self._wire = wire
        self._bench = bench
        self._stage = stage
        self.open()

    def open(self) -> None:
        """Open it, or open it anew."""
        request = opening_to_message(
            _SESSION, self._stage.setup, settings=self._bench.settings, state=None, state_seq=0
        )
        code, details, _ = self._wire.call("Open", request, timeout_s=_TIMEOUT_S)
        if code is not grpc.StatusCode.OK:
            raise BreachError(f"Opening a session ended in {code.name}: {details[:160]}")

    def question(self, turn: Turn) -> tuner_pb2.AskRequest:
        """Return the question of a turn."""
        return asking_to_message(
            _SESSION, turn.first_number, seeds=turn.seeds, outcomes=turn.outcomes, told_through=turn.told_through
        )

    def ask(self, turn: Turn) -> Answer:
        """Put the question of a turn; raises `BreachError` if there is no answer."""
        code, details, body = self._wire.call("Ask", self.question(turn), timeout_s=_TIMEOUT_S)
        if code is not grpc.StatusCode.OK:
            raise BreachError(f"Proposal {turn.first_number} was asked for, and {code.name} came: {details[:160]}")
        return answer_from_message(tuner_pb2.AskResponse.FromString(body))
