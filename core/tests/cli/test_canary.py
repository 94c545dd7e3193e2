"""Canaries: secrets that stand out, in a search that goes wrong in every way, and a look at all that it left.

nascore's own secrets must be nowhere but in the files that are made for them. The user's own secret must reach the
trial, and nascore must not write it down.
"""

import hashlib
import os
import re
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import grpc
import psutil
import pytest
from nascore.client import Client
from nascore.errors import NascoreError, PermissionDeniedError

INHERITED = "canary-inherited-5fb1c0de5fb1c0de5fb1c0de"
PASSWORD = "canary-password-0d15ea5e"
USERS = "canary-of-the-user-feedface"
WRONG = "canary-wrong-token-1badcafe1badcafe1badcafe"
SEEN = "seen-by-the-worker"

WORKER = f"""
import hashlib, os, runpy, sys
from pathlib import Path
digest = hashlib.sha256(os.environ["MY_SECRET"].encode()).hexdigest()
names = [name for name in os.environ if name.startswith("NASCORE")]
Path({SEEN!r}).write_text("\\n".join([digest, *names, os.environ.get("NASCORE_TOKEN", "")]))
runpy.run_path(sys.argv[1], run_name="__main__")
"""

TUNER = """
import os, random, time
from pathlib import Path
from nascore.record import Proposal
from nascore.tuner import Settings, Tuner, hookimpl

NASCORE_PLUGIN_API = 1

class Leaky(Tuner[Settings]):
    name = "leaky"
    summary = "Fails and tells all that it knows."

    def ask(self, number, seed):
        if number >= 2:
            # Not before the test knows the secrets of this process.
            while not Path(os.environ["KNOWN"], str(os.getpid())).exists():
                time.sleep(0.01)
            raise ValueError("what I know: " + " ".join(f"{k}={v}" for k, v in os.environ.items() if "NASCORE_" in k))
        return Proposal(number, self.space.sample(random.Random(seed)))

    def tell(self, proposal, outcome):
        pass

@hookimpl
def nascore_tuners():
    return {"leaky": Leaky}
"""


@pytest.fixture
def search(tmp_path, environ):
    """Writes an experiment with a worker and a tuner that go wrong; returns what its processes have to know."""
    site = tmp_path / "site"
    info = site / "leaky_tuner-0.1.dist-info"
    info.mkdir(parents=True)
    (site / "leaky_tuner.py").write_text(TUNER)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: leaky-tuner\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[nascore.tuners]\nleaky = leaky_tuner\n")
    (tmp_path / "worker.py").write_text(WORKER)
    toy = Path(__file__).parent / "toys" / "worker.py"
    (tmp_path / "experiment.yaml").write_text(
        f"trialCommand: {sys.executable} worker.py {toy}\ntuner: leaky\nmaxTrialNumber: 6\ntrialConcurrency: 1\n"
    )
    (tmp_path / "known").mkdir()
    return {
        "KNOWN": str(tmp_path / "known"),
        "PYTHONPATH": f"{site}{os.pathsep}{environ['PYTHONPATH']}",
        "NASCORE_TOKEN": INHERITED,
        "NASCORE_TOKEN_FILE": str(tmp_path / "no-such-token"),
        "MY_SECRET": USERS,
    }


def wait_for(file: Path, process: "subprocess.Popen[str]") -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if file.exists() and file.read_text():
            return file.read_text()
        time.sleep(0.05)
    raise AssertionError(f"{file} never came: {process.communicate(timeout=10)}")


def own_secrets(folder: Path, family: list[psutil.Process]) -> set[str]:
    """Return the secrets that nascore made for this search: those of its files, and of its tuner's process."""
    made = {(folder / name).read_text().strip() for name in ("token", "worker-token")}
    for process in family:
        if (token := process.environ().get("NASCORE_TUNER_TOKEN")) is not None:
            made.add(token)
            (folder.parents[2] / "known" / str(process.pid)).touch()
    return made


def secrets_until_its_end(process: "subprocess.Popen[str]", folder: Path) -> set[str]:
    """Return the secrets of a search, of which each new tuner has its own; end it once a tuner has told all."""
    secrets: set[str] = set()
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(psutil.Error, OSError):
            secrets |= own_secrets(folder, psutil.Process(process.pid).children(recursive=True))
        if "what I know: " in (folder / "logs" / "worker-0.log").read_text():
            process.terminate()
        time.sleep(0.02)
    return secrets


def provoke(address: str, folder: Path) -> list[str]:
    """Call in every wrong way and return what was said to it."""
    said = []
    for token in (WRONG, (folder / "worker-token").read_text().strip()):
        with Client(address, token=token, patience_s=0) as client, pytest.raises(PermissionDeniedError) as caught:
            client.get("last")
        said.append(f"{caught.value!r} {caught.value} {client!r} {vars(client)}")
    admin = (folder / "token").read_text().strip()
    with grpc.insecure_channel(address) as channel:
        for method in ("/nascore.v1.TrialService/LeaseTrial", "/nascore.v1.ExperimentService/UpdateExperiment"):
            for raw in (b"\xff", b"", b"\x0a\x04none\x12\x01r"):
                with pytest.raises(grpc.RpcError) as error:
                    channel.unary_unary(method)(raw, metadata=[("authorization", f"Bearer {admin}")], timeout=20)
                said.append(str(error.value))
    with Client(address, token=admin, patience_s=0) as client, pytest.raises(NascoreError) as refused:
        client.get(WRONG)
    said.append(str(refused.value).replace(WRONG[:60], "") if WRONG in str(refused.value) else str(refused.value))
    return said


def left(home: Path) -> dict[Path, bytes]:
    """Return all files that a search leaves, but for those that are made for a secret."""
    files = (path for path in home.rglob("*") if path.is_file() and path.name not in ("token", "worker-token"))
    return {path: path.read_bytes() for path in files}


@pytest.mark.slow
def test_no_secret_is_left_anywhere_when_everything_goes_wrong(begin, nascore, search, tmp_path):
    process = begin("run", "experiment.yaml", "--debug", "--tuner", "leaky", TOY="slow", **search)
    seen = wait_for(tmp_path / SEEN, process).splitlines()
    assert seen[0] == hashlib.sha256(USERS.encode()).hexdigest()
    assert INHERITED not in seen
    assert "NASCORE_TOKEN_FILE" in seen
    assert "NASCORE_TOKEN" not in seen

    folder = next((tmp_path / "home" / "experiments").iterdir())
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    assert len(family) >= 4  # server, keeper, worker, tuner
    secrets = own_secrets(folder, family) | {INHERITED, WRONG}
    assert len(secrets) >= 5
    lock = next(file for file in folder.glob("*.lock") if file.stat().st_size)
    address = re.search(r"unix:[^\"]+", lock.read_text())[0]
    said = provoke(address, folder)
    (tmp_path / "wrong").write_text(WRONG)
    refused = nascore("trials", "--server", address, "--token-file", "wrong", "--debug", **search)
    assert "Traceback" in refused.stderr
    said += [refused.stdout, refused.stderr]
    commands = [" ".join(one.cmdline()) for one in family]
    running = left(tmp_path / "home")
    process.terminate()
    said += process.communicate(timeout=60)

    again = begin("resume", "--debug", TOY="die fail", **search)
    secrets |= secrets_until_its_end(again, folder)
    said += again.communicate(timeout=60)
    assert "raised ValueError in ask of trial 2: what I know: " in said[-1]

    everything = {**{Path(f"said {n}"): text.encode() for n, text in enumerate(said)}, **running}
    everything |= {Path("home") / path: content for path, content in left(tmp_path / "home").items()}
    everything |= {Path(f"command {n}"): command.encode() for n, command in enumerate(commands)}
    assert len(secrets) >= 8
    assert not [str(path) for path, content in everything.items() if any(one.encode() in content for one in secrets)]
    assert not [str(path) for path, content in everything.items() if USERS.encode() in content]


@pytest.mark.parametrize("words", [("run", "experiment.yaml"), ("serve",)])
def test_password_of_a_database_is_not_repeated(nascore, search, words):
    url = f"postgresql://me:{PASSWORD}@127.0.0.1:1/nothing?sslpassword={PASSWORD}"
    for manner in (("--database", url), ()):
        more = {} if manner else {f"NASCORE_{words[0].upper()}_DATABASE": url}
        ran = nascore(*words, *manner, "--debug", **search, **more)
        assert ran.returncode != 0
        assert PASSWORD not in ran.stdout + ran.stderr
        assert ran.stderr


def test_looking_finds_what_is_planted(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "worker-0.log").write_text(f"x{INHERITED}x")
    (tmp_path / "token").write_text(INHERITED)
    assert [path.name for path, content in left(tmp_path).items() if INHERITED.encode() in content] == ["worker-0.log"]
