"""Code that would run what others send cannot land: the linter, as this repository sets it, finds each planted piece.

The bans stand in the pyproject.toml of this repository, with the reason of each.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PLACES = [
    "core/src/nascore/planted.py",
    "trial-sdk/src/nas_trial/planted.py",
    "plugins/nas-random/src/nas_random/planted.py",
]
OTHER_PLACES = ["core/tests/planted.py", "examples/planted.py", "benchmarks/planted.py", "scripts/planted.py"]

UNPICKLING = [
    "import pickle",
    "import _pickle",
    "from pickle import loads",
    "import cloudpickle",
    "import dill",
    "import joblib",
    "import jsonpickle",
    "import marshal",
    "import shelve",
    "from multiprocessing.connection import Client",
    "from multiprocessing.managers import BaseManager",
    "import numpy\nnumpy.load('x', allow_pickle=True)",
    "import numpy as np\nnp.load('x')",
    "import pandas\npandas.read_pickle('x')",
    "import torch\ntorch.load('x')",
    "import torch\ntorch.load('x', weights_only=True)",
    "from torch import load",
    "import torch\ntorch.save({}, 'x')",
    "import torch\ntorch.jit.load('x')",
    "import torch\ntorch.hub.load('x', 'y')",
    "from torch.package import PackageImporter",
    "import torch.distributed.rpc",
]
RUNNING = [
    "import yaml\nyaml.load('x', Loader=yaml.Loader)",
    "import yaml\nyaml.full_load('x')",
    "import yaml\nyaml.unsafe_load('x')",
    "eval('1')",
    "exec('1')",
    "import os\nos.system('x')",
    "import os\nos.popen('x')",
    "import subprocess\nsubprocess.run('x', shell=True)",
    "import subprocess\nsubprocess.Popen('x', shell=True)",
    "import subprocess\nsubprocess.getoutput('x')",
    "import logging.config\nlogging.config.listen()",
]
UNPACKING = [
    "import tarfile",
    "import shutil\nshutil.unpack_archive('x')",
    "import tempfile\ntempfile.mktemp()",
    "import ssl\nssl._create_unverified_context()",
    "import hashlib\nhashlib.md5(b'x')",
    "import xml.etree.ElementTree as tree\ntree.parse('x')",
]


def missed(sources: Sequence[str], place: str) -> list[str]:
    """Return those of the pieces in which the linter finds nothing about safety: S (bandit's) and TID (bans)."""
    words = (
        "check",
        "--no-cache",
        "--quiet",
        "--output-format",
        "json",
        "--select",
        "S,TID",
        "--stdin-filename",
        place,
    )
    text = "\n".join(sources) + "\n"
    ran = subprocess.run(
        [sys.executable, "-m", "ruff", *words, "-"], input=text, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode in (0, 1), ran.stderr
    rows = {finding["location"]["row"] for finding in json.loads(ran.stdout)}
    last, unseen = 0, []
    for source in sources:
        first, last = last + 1, last + 1 + source.count("\n")
        if not rows & set(range(first, last + 1)):
            unseen.append(source)
    return unseen


@pytest.mark.parametrize("place", PLACES)
def test_planted_code_is_found(place: str) -> None:
    assert missed([*UNPICKLING, *RUNNING, *UNPACKING], place) == []


@pytest.mark.parametrize("place", OTHER_PLACES)
def test_ban_of_pickle_holds_everywhere(place: str) -> None:
    assert missed(UNPICKLING, place) == []


def test_what_is_harmless_is_not_found() -> None:
    harmless = ["import json", "json.loads('1')", "import torch", "torch.zeros(1)", "import subprocess"]
    assert missed(harmless, PLACES[0]) == harmless


def test_no_ignore_in_the_code_lifts_a_ban() -> None:
    rules = ("TID251", "S102", "S301", "S307", "S506", "S602", "S605", "S614")
    sources = [path for folder in ("core", "trial-sdk", "plugins") for path in (ROOT / folder).glob("**/src/**/*.py")]
    assert len(sources) > 100
    lifted = [str(path) for path in sources if any(f"noqa: {rule}" in path.read_text() for rule in rules)]
    assert lifted == []
