"""Failpoints act where, how and when they are armed, and nowhere else."""

import errno
import signal
import subprocess
import sys

import pytest
from nascore.errors import InvalidInputError
from nascore.failpoints import arm, failpoint, passages


@pytest.fixture(autouse=True)
def _disarmed():
    yield
    arm("")


def test_rule_that_cannot_be_read_is_refused_and_changes_nothing():
    arm("journal.before_commit=error:EIO")
    for wrong in ("x", "x=die", "x=error:NOPE", "x=kill@0", "X=kill"):
        with pytest.raises(InvalidInputError, match="NASCORE_FAILPOINTS"):
            arm(wrong)
    with pytest.raises(OSError, match="Input/output"):
        failpoint("journal.before_commit")


def test_unarmed_place_does_nothing():
    failpoint("journal.before_commit")
    assert passages("journal.before_commit") == 0


def test_error_comes_at_the_passage_that_was_named_and_at_no_other():
    arm("a.b=error:ENOSPC@2; c=error:EIO")
    failpoint("a.b")
    with pytest.raises(OSError, match=r"failpoint a\.b") as raised:
        failpoint("a.b")
    assert raised.value.errno == errno.ENOSPC
    failpoint("a.b")
    assert passages("a.b") == 3


def test_kill_ends_the_process_at_once():
    code = "from nascore.failpoints import arm, failpoint; arm('x=kill'); failpoint('x'); print('lived')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert done.stdout == ""
