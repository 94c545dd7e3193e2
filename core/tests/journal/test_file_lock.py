import os
import signal
import subprocess
import sys

import pytest
from nascore.errors import HeldError, PermissionDeniedError
from nascore.journal import Holder, acquire, read_holder

CHILD = """
import sys, time
from pathlib import Path
from nascore.journal import Holder, acquire
hold = acquire(Path(sys.argv[1]), Holder(4242, "elsewhere", address="unix:/run/x", started_at=1.0))
sys.stdout.write("held\\n"); sys.stdout.flush(); time.sleep(60)
"""


def test_second_holder_is_refused_and_the_first_is_named_until_it_is_killed(tmp_path):
    database = tmp_path / "log.db"
    assert read_holder(database) is None
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(database)], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "held\n"
        with pytest.raises(HeldError, match=r"process 4242 on elsewhere, serving at unix:/run/x, since .*kill 4242"):
            acquire(database, Holder(1, "here"))
        assert read_holder(database).address == "unix:/run/x"
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
    assert read_holder(database) is None
    acquire(database, Holder(1, "here")).release()


def test_holder_tells_more_and_lets_go(tmp_path):
    hold = acquire(tmp_path / "log.db", Holder(1, "here", address="a much longer address than the next"))
    hold.update(address="unix:s", token_file="token")
    assert read_holder(tmp_path / "log.db") == Holder(1, "here", "unix:s", "token")
    hold.release()
    hold.release()
    assert read_holder(tmp_path / "log.db") is None


def test_lock_is_not_inherited_by_programs_that_are_started(tmp_path):
    hold = acquire(tmp_path / "log.db", Holder(1, "here"))
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
    hold.release()
    try:
        again = acquire(tmp_path / "log.db", Holder(2, "here"))
        assert read_holder(tmp_path / "log.db") == Holder(2, "here")
        again.release()
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(PermissionDeniedError, match="nowhere"):
        acquire(tmp_path / "nowhere" / "log.db", Holder(1, "here"))


def test_two_names_of_one_file_have_one_lock(tmp_path):
    database, link = tmp_path / "log.db", tmp_path / "link.db"
    database.touch()
    link.symlink_to(database)
    hold = acquire(database, Holder(1, "here"))
    with pytest.raises(HeldError, match="process 1 on here"):
        acquire(link, Holder(2, "here"))
    assert read_holder(link) == Holder(1, "here")
    hold.release()


def test_holder_that_is_just_being_written_has_no_name(tmp_path):
    hold = acquire(tmp_path / "log.db", Holder(1, "here"))
    (tmp_path / "log.db.lock").write_text("")
    with pytest.raises(HeldError, match="has not said who it is"):
        acquire(tmp_path / "log.db", Holder(2, "here"))
    hold.release()
