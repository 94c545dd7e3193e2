"""The tuners, trials and searches of ``searching.py``, which is a program as well."""

import runpy
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from nascore.weights import DirectoryStore

PROGRAM = Path(__file__).with_name("searching.py")


@pytest.fixture(scope="session")
def searching():
    return SimpleNamespace(**runpy.run_path(str(PROGRAM)))


@pytest.fixture(scope="session")
def program():
    return PROGRAM


@pytest.fixture
def store(tmp_path):
    with closing(DirectoryStore(tmp_path / "weights")) as opened:
        yield opened
