"""What ends a tuner's process, or would never end."""

import ctypes
import os
import signal
import subprocess
import sys
import time


def segfault():
    ctypes.string_at(0)


def exit_at_once():
    os._exit(3)


def kill_oneself():
    os.kill(os.getpid(), signal.SIGKILL)


def interrupt():
    raise KeyboardInterrupt


def loop():
    while True:
        pass


def deaf_loop():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    while True:
        time.sleep(0.01)


def stop_oneself():
    os.kill(os.getpid(), signal.SIGSTOP)


def leak():
    kept = []
    while True:
        kept.append(bytearray(os.urandom(1) * (8 * 2**20)))
        time.sleep(0.002)


def allocate_at_once():
    kept = bytearray(b"x" * (512 * 2**20))
    time.sleep(60)
    del kept


LEAK = "import time; kept = [bytearray(b'x' * 2**20) for _ in range(500) if not time.sleep(0.002)]; time.sleep(60)"


def leak_in_child():
    # A fork alone may hang in a process with threads.
    subprocess.run([sys.executable, "-S", "-c", LEAK], check=True)


def close_everything():
    os.closerange(0, 256)


def say_a_lot_and_die():
    for number in range(1000):
        sys.stderr.write(f"line {number} \x1b[31m\udcff\n".encode("utf-8", "replace").decode())
    os._exit(4)


DEADLY = {
    "segfault": segfault,
    "exit at once": exit_at_once,
    "kill oneself": kill_oneself,
    "interrupt": interrupt,
    "loop": loop,
    "deaf loop": deaf_loop,
    "stop oneself": stop_oneself,
    "leak": leak,
    "allocate at once": allocate_at_once,
    "leak in a child": leak_in_child,
    "close everything": close_everything,
    "say a lot and die": say_a_lot_and_die,
}
