"""Log files: the frames that a person did not write are left out of a traceback, and only those."""

from nascore.cli.logfile import SectionFollower, has_section, without_own_frames

PRINTED = """loading
Traceback (most recent call last):
  File "/home/me/trial.py", line 33, in <module>
    nas.run(Tiny())
  File "/env/nas_trial/run.py", line 42, in run
    if code := work(trial, os.environ):
               ^^^^^^^^^^^^^^^^^^^^^^^
  File "/home/me/trial.py", line 18, in build
    raise RuntimeError("no data")
RuntimeError: no data
  and its second line"""


def test_frames_of_the_sdk_are_left_out():
    kept = without_own_frames(PRINTED).splitlines()
    assert kept == [line for line in PRINTED.splitlines() if not {"run.py", "code", "^^^"} & set(_marks(line))]
    assert len(kept) == len(PRINTED.splitlines()) - 3


def _marks(line):
    return [mark for mark in ("run.py", "code", "^^^") if mark in line]


def test_a_traceback_with_nothing_else_in_it_stays_whole():
    text = 'Traceback (most recent call last):\n  File "/env/nas_trial/run.py", line 1, in run\n    x\nE: y'
    assert without_own_frames(text) == text


SHARED = """--- trial 3, attempt 1, 2026-01-01 00:00:00 ---
three
--- trial 13, attempt 1, 2026-01-01 00:00:00 ---
--- trial 13, aside
thirteen
--- trial 3, attempt 2, 2026-01-01 00:00:00 ---
three again
no end"""


def test_of_a_shared_log_only_the_parts_of_the_trial_are_read(tmp_path):
    log = tmp_path / "trials-worker-0.log"
    log.write_text(SHARED)
    follower = SectionFollower(log, 3)
    read = follower.read() + follower.read_rest()
    assert [line for line in read if line[0] != "-"] == ["three", "three again", "no end"]
    assert SectionFollower(log, 13).read()[1:] == ["--- trial 13, aside", "thirteen"]
    assert [has_section(log, trial) for trial in (1, 3, 13)] == [False, True, True]


def test_a_trial_that_goes_on_in_a_shared_log_is_followed(tmp_path):
    log = tmp_path / "trials-worker-0.log"
    log.write_text("--- trial 7, attempt 1, now ---\nfirst\n")
    follower = SectionFollower(log, 7)
    assert follower.read()[1:] == ["first"]
    with log.open("a") as file:
        file.write("second\n--- trial 8, attempt 1, now ---\nanother\n")
    assert follower.read() == ["second"]
    assert follower.name == "trial-7"
