"""What all tests need of the process they run in."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

SLOW = "slow"


def pytest_configure() -> None:
    """Draw the same examples every time where everything is required, and let interrupts interrupt.

    New examples are for the machines of those who write code: a change must not fail for one that it has nothing to do
    with. The background jobs of a shell, and all that they start, ignore interrupts otherwise.

    Tests run several at a time. Threads of OpenMP that spin until their fellows get a core would take many times as
    much of it as the small networks themselves: torch has one thread here, and where a test asks for more they sleep.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # No example has a deadline: how long one takes says how busy the machine is.
    settings.register_profile("same", derandomize=True, deadline=None)
    settings.register_profile("new", deadline=None)
    settings.load_profile("same" if os.environ.get("NASCORE_REQUIRE_ALL") else "new")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Read no file that has no slow test where only those are asked for: each process would import all of them."""
    is_test = collection_path.match("test_*.py")
    return True if config.option.markexpr == SLOW and is_test and not _may_be_slow(collection_path) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a slow test in a file that does not say so, for ``-m slow`` would pass it by."""
    for item in items:
        if item.get_closest_marker(SLOW) is not None and not _may_be_slow(item.path):
            raise pytest.UsageError(f"{item.nodeid} is slow, but its file has no word {SLOW!r}: mark it there.")


@cache
def _may_be_slow(file: Path) -> bool:
    return SLOW in file.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def require() -> Callable[[str], None]:
    """Skips with the reason; fails where everything that can be installed must be there."""

    def check(missing: str) -> None:
        if missing and "not installed" in missing and os.environ.get("NASCORE_REQUIRE_ALL"):
            pytest.fail(missing)
        if missing:
            pytest.skip(missing)

    return check
