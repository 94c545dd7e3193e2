"""Names never become paths, and nothing that a caller says is dialled or run: over real sockets, with a real engine.

Incidents of this kind, elsewhere: MLflow CVE-2023-1177, 2023-2356, 2023-2780 (names that left their folder), and
CVE-2026-2393 (addresses that a caller supplied, dialled by the server).
"""

import os
import random
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from nascore.client import Client
from nascore.errors import InvalidInputError, NascoreError, NotFoundError
from nascore.experiment import Experiments, experiment_folder
from nascore.journal import Holder
from nascore.record import Asked, ExperimentSpec, Outcome, OutcomeStatus, Proposal, Told
from nascore.service import Server
from nascore.space import Candidate, OneOf, SearchSpace
from nascore.tuner.contract import NoProposal, Settings, Tuner
from nascore.tuner.local import LocalSession
from nascore.weights import DirectoryStore

TOKEN = "a-token-of-the-tests"
SPACE = SearchSpace((OneOf("op", (Candidate("conv"), Candidate("pool"))),))
ESCAPES = [
    "..",
    ".",
    "../..",
    "../../etc/passwd",
    "..\\..\\windows",
    "%2e%2e%2f",
    "%252e%252e/",
    "..%c0%af",
    "/etc/passwd",
    "//etc/passwd",
    "C:\\x",
    "\\\\host\\share",
    "file:///etc/passwd",
    "abcdefgh/../../x",
    "abcdefgh\x00.db",
    "\x00",
    "\u2025/x",
    "\uff0e\uff0e/x",
    "\u202e..",
    "~",
    "~root",
    "$HOME",
    "`id`",
    "$(id)",
    "; rm -rf .",
    "| id",
    "-rf",
    "con",
    " ",
    "a\nb",
    "ABCDEFGH",
    "abcdefg1",
    "x" * 300,
]


DONE = Outcome(OutcomeStatus.COMPLETED, {"accuracy": 1.0})


class Guessing(Tuner[Settings]):
    name = "guessing"

    def ask(self, number: int, seed: int) -> Proposal | NoProposal:
        return Proposal(number, self.space.sample(random.Random(seed)))

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        pass


class Calls:
    """Stands for the operator's tuners, and remembers what was asked for."""

    def __init__(self) -> None:
        self.names: list[str] = []

    async def connect(
        self, name: str, history: Callable[[], Iterable[Asked | Told]], on_trouble: Callable[[str], None]
    ) -> LocalSession:
        self.names.append(name)
        if name != "guessing":
            raise NotFoundError(f"There is no tuner {name!r}.")
        return LocalSession(Guessing)


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "one" / "two" / "experiments"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def client(loop: Any, home: Path, calls: Calls) -> Iterator[Client]:
    async def opened() -> tuple[Experiments, Server, str]:
        holder = Holder(os.getpid(), "here", "", "", 0.0)
        experiments = await Experiments.open(home / "log.db", holder=holder, connect=calls.connect)
        server = Server(experiments, address="unix:", token=TOKEN)
        return experiments, server, await server.start()

    experiments, server, address = loop.run(opened())
    with Client(address, token=TOKEN, patience_s=0, timeout_s=20) as client:
        yield client
    loop.run(server.stop(1))
    loop.run(experiments.close())


def tree(home: Path) -> set[str]:
    """Return the files in and around the folder; SQLite's own, which come and go, are one."""
    return {str(path) for path in home.parent.parent.rglob("*") if not path.name.startswith("log.db")}


def refused(call: Callable[[], object]) -> NascoreError | None:
    """Return why a call was refused; ``None`` if it was answered."""
    try:
        call()
    except NascoreError as error:
        return error
    return None


def test_name_of_an_experiment_is_looked_up_and_never_opened(client: Client, home: Path) -> None:
    before = tree(home)
    for name in ESCAPES:
        for call in (client.get, client.delete, client.best, lambda name: list(client.list_trials(name))):
            error = refused(lambda call=call, name=name: call(name))  # type: ignore[misc]
            assert isinstance(error, (NotFoundError, InvalidInputError)), (name, error)
            assert "Errno" not in str(error)
    assert tree(home) == before


@pytest.mark.parametrize("name", ESCAPES, ids=ascii)
def test_folder_of_an_experiment_is_made_of_ids_only(home: Path, name: str) -> None:
    with pytest.raises(InvalidInputError, match="is not the id of an experiment"):
        experiment_folder(home, name)


def test_names_that_people_and_workers_choose_stay_names(client: Client, home: Path) -> None:
    before = tree(home)
    record = client.create(ExperimentSpec("guessing", space=SPACE))
    for name in ESCAPES:
        answers = [refused(lambda name=name: client.create(ExperimentSpec("guessing", space=SPACE, name=name)))]  # type: ignore[misc]
        answers += [refused(lambda name=name: client.lease(record.id, name, max_wait_s=60))]  # type: ignore[misc]
        lease = client.lease(record.id, "w", max_wait_s=60).lease
        assert lease is not None
        end = partial(client.finish, record.id, "w", lease.trial, lease.epoch, outcome=DONE, checkpoint=name)
        answers += [refused(end)]
        assert all(answer is None or isinstance(answer, InvalidInputError) for answer in answers), (name, answers)
    assert tree(home) == before


@pytest.mark.parametrize("name", ESCAPES, ids=ascii)
def test_id_of_a_checkpoint_is_looked_up_and_never_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.json").write_text("{}")
    store = DirectoryStore(tmp_path / "weights")
    with pytest.raises(NotFoundError, match="is no id of a checkpoint"):
        store.manifest(name)


ADDRESSES = [
    "exec:touch {folder}/ran",
    "exec:/bin/sh -c 'touch {folder}/ran'",
    "grpc://127.0.0.1:{port}",
    "grpcs://127.0.0.1:{port}",
    "GRPC://127.0.0.1:{port}",
    "http://127.0.0.1:{port}",
    "unix:{folder}/s",
    "127.0.0.1:{port}",
    "../tuner",
    "/bin/sh",
    "guessing;exec:sh",
    "guessing\n",
    "\u0435xec",
]


@pytest.mark.parametrize("form", ADDRESSES, ids=ascii)
def test_tuner_that_a_caller_names_is_neither_dialled_nor_run(
    client: Client, calls: Calls, tmp_path: Path, form: str
) -> None:
    dialled = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.05)
        name = form.format(folder=tmp_path, port=trap.getsockname()[1])
        with pytest.raises(InvalidInputError, match=r"is not a name|characters"):
            client.create(ExperimentSpec(name, space=SPACE))
        try:
            trap.accept()
            dialled.set()
        except TimeoutError:
            pass
    assert not dialled.is_set()
    assert not (tmp_path / "ran").exists()
    assert calls.names == []
    assert client.list() == ()


def test_trap_of_the_test_above_closes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap, socket.create_connection(trap.getsockname()):
        trap.accept()[0].close()
