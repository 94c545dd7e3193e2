"""The runner: planted defects are found, made small, and told from what is merely refused or merely waiting."""

import time

import pytest
from nascore.errors import InvalidInputError, StateError
from nascore.testing.fuzz import HangError, fuzz, runner


def refuse(text: str) -> None:
    raise InvalidInputError(f"{text} is wrong")


def test_what_is_allowed_is_refused_and_no_crash() -> None:
    report = fuzz(refuse, ["a", "b"], allowed=(InvalidInputError,))
    assert (report.inputs, report.refused, report.accepted, report.crashed) == (2, 2, 0, 0)
    assert report.is_clean


def test_an_error_that_is_not_allowed_is_a_crash() -> None:
    report = fuzz(refuse, ["a"], allowed=(StateError,))
    assert not report.is_clean
    assert report.crashes[0].what == "InvalidInputError: a is wrong"
    assert "refuse" in report.crashes[0].trace


def test_a_crash_is_found_made_small_and_named_once() -> None:
    def target(text: str) -> None:
        if "b" in text:
            raise ZeroDivisionError

    report = fuzz(target, ["aaa", "xxbxxx" * 20, "b", "cccb"])
    assert (report.accepted, report.crashed, len(report.crashes)) == (1, 3, 1)
    assert report.crashes[0].text == "b"
    assert report.crashes[0].place == 1
    assert "input 1: ZeroDivisionError" in str(report)


@pytest.mark.parametrize("error", [RecursionError, MemoryError, SystemError, AssertionError])
def test_no_error_of_the_interpreter_is_let_through(error: type[Exception]) -> None:
    def target(text: bytes) -> None:
        raise error

    assert fuzz(target, [b"x"]).crashes[0].what.startswith(error.__name__)


def test_two_places_that_crash_are_two_findings() -> None:
    def target(text: str) -> None:
        if text == "a":
            raise KeyError("first")
        raise KeyError("second")

    assert len(fuzz(target, ["a", "b", "a"]).crashes) == 2


def test_work_over_the_limit_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "_HANG_FACTOR", 10_000)  # On a busy machine its processor time takes long to come by.

    def target(text: str) -> None:
        end = time.thread_time() + 0.03
        while time.thread_time() < end:
            pass

    report = fuzz(target, ["a"], limit_s=0.01)
    assert len(report.slow) == 1
    assert "processor time" in report.slow[0].what
    assert not report.is_clean


def test_waiting_for_a_busy_machine_is_not_slow() -> None:
    report = fuzz(lambda text: time.sleep(0.03), ["a"], limit_s=0.02)
    assert report.slow == []
    assert report.slowest_s >= 0.03


def test_what_never_ends_is_given_up() -> None:
    def target(text: str) -> None:
        while True:
            pass

    report = fuzz(target, ["a", "b"], limit_s=0.002)
    assert report.inputs == 2
    assert report.crashes[0].what.startswith(HangError.__name__)


def test_memory_that_is_kept_is_growth() -> None:
    kept: list[bytes] = []
    report = fuzz(lambda text: kept.append(bytes(2**20) + text), [b"x"] * 50, expected=50)
    assert report.growth_bytes > 20 * 2**20
