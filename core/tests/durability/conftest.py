"""What tests of durability need of the machine, and what they do where it is missing."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from nascore.testing.durability.judge import memory


@pytest.fixture
def quick() -> Iterator[Path]:
    """A folder whose syncs cost nothing, where there is one: what counts is the calls, not the disk."""
    with tempfile.TemporaryDirectory(prefix="nascore-test-", dir=memory()) as folder:
        yield Path(folder)
