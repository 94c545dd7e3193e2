"""Log files: the frames that a person did not write are left out of a traceback, and only those."""

from nascore.cli.logfile import without_own_frames

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
