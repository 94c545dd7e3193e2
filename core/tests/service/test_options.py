"""gRPC passes over options that it does not know, so a misspelt one would go unnoticed."""

import re
from pathlib import Path

import nascore
import pytest
from grpc._cython import cygrpc

OPTION = re.compile(r'\("(grpc\.[a-z0-9_.]+)", ')
SOURCES = sorted(Path(nascore.__file__).parent.rglob("*.py"))


@pytest.fixture(scope="module")
def library():
    return Path(cygrpc.__file__).read_bytes()


@pytest.mark.parametrize("option", sorted({name for source in SOURCES for name in OPTION.findall(source.read_text())}))
def test_option_is_known_to_grpc(option, library):
    assert option.encode() in library
