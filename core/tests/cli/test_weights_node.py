"""The Node client of weights: lists, downloads and verifies at a real server."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from blake3 import blake3
from nascore.weights import DirectoryStore, TensorData

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "examples" / "weights_node"


@pytest.fixture(scope="module")
def program(tmp_path_factory, require):
    """The example with what it needs, in a folder of its own."""
    require("" if shutil.which("npm") else "npm is not installed")
    folder = tmp_path_factory.mktemp("node") / "weights"
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("node_modules"))
    done = subprocess.run(
        ["npm", "install", "--silent", "--no-package-lock", "--no-audit", "--no-fund"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    require("" if done.returncode == 0 else f"what it needs is not installed: {done.stderr[-300:]}")
    return folder / "weights.mjs"


@pytest.fixture
def ask(program, begin, tmp_path):
    """Runs the program against a server of the store in the test's folder."""
    store = DirectoryStore(tmp_path / "store")
    tensors = {
        "big": TensorData("F32", (1_500_000,), bytes(range(250)) * 24_000),
        "small": TensorData("I64", (3,), bytes(range(24))),
        "empty": TensorData("U8", (0,), b""),
    }
    checkpoint = store.put(tensors, trial=4)
    store.close()
    server = begin("weights", "serve", "store", "--token-file", "token", "--address", "127.0.0.1:0")
    address = server.stdout.readline().removeprefix("Serving weights at ").strip()

    def run(*words):
        return subprocess.run(
            ["node", str(program), address, "token", *words],
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "NASCORE_PROTOS": str(ROOT / "protos")},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run, checkpoint


def test_node_lists_downloads_and_verifies(ask, tmp_path):
    run, checkpoint = ask
    assert run().stdout == f"{checkpoint} default trial 4 6000024 bytes\n"
    done = run(checkpoint, "out")
    assert done.stdout == f"{checkpoint}: 3 tensors, 6000024 bytes, all proven\n", done.stderr
    manifest = json.loads((tmp_path / "out" / f"{checkpoint}.json").read_text())
    digests = {row[3] for row in manifest["tensors"]}
    files = {path.stem: path for path in (tmp_path / "out").glob("*.safetensors")}
    assert files.keys() == digests
    assert all(blake3(path.read_bytes()).hexdigest() == digest for digest, path in files.items())


def test_node_refuses_what_is_damaged_and_unknown(ask, tmp_path):
    run, checkpoint = ask
    assert run("0" * 32, "out").returncode == 1
    assert run(checkpoint).returncode == 2
    (file,) = (tmp_path / "store").glob("blobs/*/*")
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    done = run(checkpoint, "out")
    assert done.returncode == 1
    assert done.stderr
    assert not (tmp_path / "out" / f"{file.stem}.safetensors").exists()
