"""The command: starts, says where it serves, survives being killed, and ends when it is told to."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import grpc
import psutil
import pytest
from nas_katib.command import katib_command

COMMAND = (sys.executable, "-m", "nas_katib")


@contextmanager
def started(*arguments):
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip().removeprefix("Serving Katib at ")
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "--tuner"),
        (("--tuner", "regularised-evolution"), "Did you mean 'regularized-evolution'?"),
        (("--tuner", "random", "--port", "70000"), "--port"),
        (("--tuner", "random", "--host", "0.0.0.0", "--port", "0"), "allow it with --insecure"),
        (("--tuner", "exec:"), "exec: names no program"),
    ],
)
def test_what_cannot_be_served_is_said_in_a_sentence(arguments, says):
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


async def test_a_service_killed_in_the_middle_is_followed_by_one_that_goes_on(katib):
    message = katib.experiment(settings={"population_size": "4", "sample_size": "2"})
    one, found = katib.Controller(None, message), []
    for _ in range(2):
        with started("--tuner", "regularized-evolution", "--port", "0") as (process, address):
            async with grpc.aio.insecure_channel(address) as channel:
                one.channel = channel
                for _ in range(2):
                    found += await one.want(3)
                    for number, name in enumerate(one.running):
                        one.end(name, accuracy=number / 7)
                children = psutil.Process(process.pid).children(recursive=True)
                os.kill(process.pid, signal.SIGKILL)
                gone, alive = psutil.wait_procs(children, timeout=60)
                assert gone
                assert not alive
    assert len(found) == 12
    assert list(one.trials) == [f"exp-{number:08d}" for number in range(12)]
    assert one.settings["nascore-chronicle"] == "1 >3 0,1,2>3 3,4,5>3 6,7,8>3"


def test_it_ends_with_0_when_it_is_told_to_and_its_tuner_with_it():
    with started("--tuner", "random", "--port", "0") as (process, address):
        assert address.startswith("127.0.0.1:")
        children = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        assert process.wait(60) == 0
        assert not psutil.wait_procs(children, timeout=60)[1]


def test_every_option_that_the_guide_names_is_one_of_the_command():
    guide = (Path(__file__).resolve().parents[3] / "docs" / "katib.md").read_text()
    options = {option for parameter in katib_command.params for option in parameter.opts}
    named = set(re.findall(r"(?<![\w-])--[a-z]+", guide.replace("--no-cache-dir", "")))
    assert named <= options
    assert named >= {"--tuner", "--host", "--insecure", "--experiments"}
