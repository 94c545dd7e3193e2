"""Checks that a tuner goes on after a crash at any moment, to the level that it declares.

Not here: thousands of random orders of events (``nascore.testing.survival``), for tuners in Python.
"""

from __future__ import annotations

from collections.abc import Sequence

from nascore.errors import NascoreError, UnavailableError
from nascore.record import Told
from nascore.testing.conformance.bench import Bench
from nascore.testing.conformance.breach import BreachError, NeedlessError
from nascore.testing.conformance.search import Turn, assert_repeats, events_of
from nascore.testing.conformance.stage import Stage
from nascore.testing.conformance.talk import Talk
from nascore.tuner.contract import Determinism

_TURNS = 10
_QUICK_TURNS = 6
_PROBED = 3
_DAMAGED = (b"", b"\x00", b"not a state of any tuner", b"\xff" * 64, b"{}", b"[]", b"null")


def check_crash_equivalence(bench: Bench) -> None:
    """Lost at any moment and brought up to date from the log, it goes on as if nothing had happened."""
    level = bench.description.determinism
    if level is Determinism.SNAPSHOT:
        raise NeedlessError("It declares level L2: it goes on from its snapshots, which are checked.")
    stage = bench.trial_stage
    turns = bench.searched_far(stage, _turns(bench))
    for cut in range(1, len(turns) + 1):
        talk = bench.open(stage)
        if diverged := talk.replay(events_of(turns[:cut])):
            raise BreachError(f"When the log was replayed, proposals {diverged[:5]} came out otherwise than logged.")
        _go_on(bench, talk, turns, cut, when=f"after a crash and a replay of {cut} questions")
        if level is Determinism.HISTORY:
            talk = bench.open(stage)
            talk.tell([event for event in events_of(turns[:cut]) if isinstance(event, Told)], after_seq=0)
            _go_on(bench, talk, turns, cut, when="in a session that was only told the outcomes")


def check_snapshots(bench: Bench) -> None:
    """From its saved state it goes on as it would have, whenever it was saved; saving it changes nothing."""
    if not bench.description.can_snapshot:
        raise NeedlessError("It keeps no snapshots.")
    for stage in bench.stages:
        turns = bench.searched_far(stage, _turns(bench))
        for cut in range(len(turns)):
            saved, talk = _saved(bench, stage, turns, cut)
            restored = bench.open(stage, state=saved[0], state_seq=saved[1])
            again = restored.snapshot()
            if again is None or again[1] != saved[1]:
                raise BreachError(f"Restored from a state through seq {saved[1]}, it saves {again and again[1]}.")
            second = bench.open(stage, state=again[0], state_seq=again[1])
            _go_on(bench, restored, turns, cut, when=f"restored from the state saved after question {cut}")
            _go_on(bench, second, turns, cut, when="restored from the state of a restored one")
            _go_on(bench, talk, turns, cut, when="after its state was saved")
            bench.clear()


def check_damaged_snapshots(bench: Bench) -> None:
    """A state that it never saved is refused; it is never taken for an empty one."""
    if not bench.description.can_snapshot:
        raise NeedlessError("It keeps no snapshots.")
    for stage in bench.stages:
        saved, _ = _saved(bench, stage, bench.searched_far(stage, 4), 3)
        whole = saved[0]
        if not whole:
            raise NeedlessError("Its state is empty: there is nothing to damage.")
        for state in (*_DAMAGED, whole[: len(whole) // 2]):
            if state != whole:
                _check_refused(bench, stage, state, saved[1])
        bench.open(stage, state=whole, state_seq=saved[1])


def _check_refused(bench: Bench, stage: Stage, state: bytes, seq: int) -> None:
    try:
        bench.open(stage, state=state, state_seq=seq)
    except UnavailableError as error:
        raise BreachError(f"A damaged state of {len(state)} bytes ended it: {error.message}") from error
    except NascoreError:
        return
    raise BreachError(f"It took {len(state)} bytes that are no state of its own ({state[:16]!r}) for a saved state.")


def _saved(bench: Bench, stage: Stage, turns: Sequence[Turn], cut: int) -> tuple[tuple[bytes, int], Talk]:
    """Return the state after so many questions and the outcomes before the next one, and the session it is of."""
    talk = bench.open(stage)
    assert_repeats(talk, turns[:cut], when="in a second session with the same seeds and outcomes")
    if cut < len(turns) and turns[cut].outcomes:
        talk.tell(turns[cut].outcomes, after_seq=turns[cut].after_seq)
    saved = talk.snapshot()
    if saved is None:
        raise BreachError("It claims to keep snapshots, and saved none.")
    told = turns[cut].told_through if cut < len(turns) else turns[-1].told_through
    if saved[1] != told:
        raise BreachError(f"Its snapshot claims to cover seq {saved[1]}; it was told through {told}.")
    return saved, talk


def _go_on(bench: Bench, talk: Talk, turns: Sequence[Turn], cut: int, *, when: str) -> None:
    if bench.repeats:
        assert_repeats(talk, turns[cut : cut + _PROBED], when=when)
        return
    for turn in turns[cut : cut + _PROBED]:  # It need not propose the same, but it must go on.
        turn.again(talk)


def _turns(bench: Bench) -> int:
    return _QUICK_TURNS if bench.is_quick else _TURNS
