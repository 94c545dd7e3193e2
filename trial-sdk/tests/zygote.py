"""Starts workers by forking, so that a test need not wait for torch to be imported; not a test itself.

It reads one JSON request a line: ``{"number": n, "environment": ..., "output": path}`` is answered by n and a process
id, ``{"number": n, "wait": pid}`` by n and its exit code, which may be asked again: a test that timed out while
it waited leaves an answer unread. It has no threads, like the fresh interpreter that it stands for.
"""

import json
import os
import sys

import behaviours
import torch

torch.optim.SGD([torch.nn.Parameter(torch.zeros(()))], lr=0.0)  # imports the rest of torch


def start(environment, output):
    if pid := os.fork():
        return pid
    code = 70
    try:
        os.environ.clear()
        os.environ.update(environment)
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        os.dup2(1, 2)
        sys.orig_argv = [sys.executable, "-c", "print('the command line once more')"]
        behaviours.main()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


codes = {}


def waited(pid):
    if pid not in codes:
        codes[pid] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return codes[pid]


for line in sys.stdin:
    request = json.loads(line)
    answer = waited(request["wait"]) if "wait" in request else start(request["environment"], request["output"])
    sys.stdout.write(f"{request['number']} {answer}\n")
    sys.stdout.flush()
