"""What guides tell people to type works: their files are written, their commands run, and what they print is shown.

A block whose info string names a file (```` ```json space.json ````) is that file. A block of the console holds
commands after ``$`` and, where the guide shows it, all that they print. Blocks of Python without a name are run.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GUIDES = ("coming-from-nni.md", "hub.md", "one-shot.md")
_BLOCK = re.compile(r"^```(?P<kind>\w+)(?: (?P<name>[\w./-]+))?\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"^\$ (?P<command>.*)\n(?P<printed>(?:(?!\$ ).*\n)*)", re.MULTILINE)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("guide", GUIDES)
def test_what_a_guide_shows_works(guide: str, tmp_path: Path) -> None:
    blocks = list(_BLOCK.finditer((ROOT / "docs" / guide).read_text(encoding="utf-8")))
    environment = os.environ | {"NASCORE_HOME": str(tmp_path / "home"), "CUDA_VISIBLE_DEVICES": ""}
    for block in blocks:
        if block["name"]:
            (tmp_path / block["name"]).write_text(block["text"], encoding="utf-8")
    for block in blocks:
        if block["kind"] == "python" and not block["name"]:
            _run([sys.executable, "-c", block["text"]], tmp_path, environment)
        for found in _COMMAND.finditer(block["text"]) if block["kind"] == "console" else ():
            words = [sys.executable, "-m", *shlex.split(found["command"])]
            printed = _run(words, tmp_path, environment)
            assert not found["printed"] or printed == _in_parts(found["printed"], printed)


def _run(words: list[str], folder: Path, environment: dict[str, str]) -> tuple[str, str]:
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def _in_parts(shown: str, printed: tuple[str, str]) -> tuple[str, str]:
    """What is shown as standard output and standard error, in whichever order the two stand."""
    output, messages = printed
    return printed if shown in (output + messages, messages + output) else (shown, "")
