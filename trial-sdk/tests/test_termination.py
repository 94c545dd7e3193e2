"""Signals reach the processes that a trial forks, however early they come."""

import signal
import subprocess
import sys

# The fork is slow to begin, as on a busy machine, and is told to end before it does.
PROGRAM = """
import os, signal, time
from nas_trial.termination import end_forks_by_signals

signal.signal(signal.SIGTERM, lambda number, frame: None)
os.register_at_fork(after_in_child=lambda: time.sleep(0.5))
end_forks_by_signals()
pid = os.fork()
if not pid:
    time.sleep(30)
    os._exit(0)
os.kill(pid, signal.SIGTERM)
print(os.WTERMSIG(os.waitpid(pid, 0)[1]))
print(signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, []))
"""


def test_a_fork_that_is_told_to_end_before_it_has_begun_ends():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == [str(int(signal.SIGTERM)), "False"], done.stderr
