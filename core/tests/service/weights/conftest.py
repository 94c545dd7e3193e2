"""A store to be served, and a file of tokens."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from nascore.service import TokenFile
from nascore.weights import DirectoryStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DirectoryStore]:
    opened = DirectoryStore(tmp_path / "weights")
    yield opened
    opened.close()


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    return TokenFile(tmp_path / "tokens.json")
