"""What would outlive a tuner or spoil its surroundings, and must do neither."""

import os
import signal
import subprocess
import sys
import threading
import time

SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]


def child():
    subprocess.Popen(SLEEP)


def daemon():
    """A grandchild in a session of its own, with nobody left who knows it."""
    if os.fork() == 0:
        subprocess.Popen(SLEEP, start_new_session=True, stdin=-3, stdout=-3, stderr=-3)
        os._exit(0)


def thread():
    threading.Thread(target=time.sleep, args=(600,)).start()


def deaf():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.set_wakeup_fd(-1)


def move():
    os.chdir("/")
    os.umask(0)
    os.environ.clear()


def close_output():
    os.close(1)
    os.close(2)


def chatter():
    print("nascore-tuner v1 unix:/nowhere", flush=True)  # noqa: T201  # on purpose
    os.write(1, b"\x00\xff garbage\n")


def flood():
    for _ in range(4):
        os.write(2, b"x" * 65536)
        os.write(2, b"spam\n" * 20_000)


LINGERING = {
    "child": child,
    "daemon": daemon,
    "thread": thread,
    "deaf": deaf,
    "move": move,
    "close output": close_output,
    "chatter": chatter,
    "flood": flood,
}
