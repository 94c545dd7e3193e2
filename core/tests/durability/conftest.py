"""What tests of durability need of the machine, and what they do where it is missing."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nascore.testing.durability.judge import memory


@pytest.fixture
def quick() -> Iterator[Path]:
    """A folder whose syncs cost nothing, where there is one: what counts is the calls, not the disk."""
    with tempfile.TemporaryDirectory(prefix="nascore-test-", dir=memory()) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def require() -> Callable[[str], None]:
    """Skips with the reason; fails where everything that can be installed must be there."""

    def check(missing: str) -> None:
        if missing and "not installed" in missing and os.environ.get("NASCORE_REQUIRE_ALL"):
            pytest.fail(missing)
        if missing:
            pytest.skip(missing)

    return check
