"""Faults are planted where they are meant to be, and refuse to be planted where there is no such place any more."""

import subprocess
import sys

import pytest
from nascore.errors import InternalError, InvalidInputError
from nascore.testing.torture import planted


def test_a_fault_that_is_none_is_refused():
    with pytest.raises(InvalidInputError, match=r"'none' is no fault that can be planted; .*: early-ack, no-epochs"):
        planted.plant("none")


def test_a_fault_whose_place_is_gone_is_loud():
    with pytest.raises(InternalError, match="no 'nowhere' any more"):
        planted._replace(planted, "nowhere", None)


@pytest.mark.parametrize("fault", ["early-ack", "no-epochs"])
def test_a_planted_program_is_nascore(fault):
    command = [sys.executable, "-m", "nascore.testing.torture.planted", fault, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("nascore ")
