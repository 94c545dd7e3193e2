"""The tuner for strangers, in one file: real searches through it, and every kind of space."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import grpc
import pytest
import typing_extensions
from google.protobuf import descriptor
from nascore.experiment import archive
from nascore.record import TrialState
from nascore.space import Candidate, Group, Integer, OneOf, Real, Repeat, SearchSpace, SomeOf
from nascore.space.wire import architecture_from_message, space_to_message
from nascore.testing.spaces import KNOWN_SPACES
from nascore.v1 import tuner_pb2
from nascore.v1.tuner_pb2_grpc import TunerServiceStub

TUNER = Path(__file__).parents[3] / "examples" / "tuners" / "minimal_python" / "tuner.py"
EVERYTHING = SearchSpace(
    (
        Group("a/part", (Integer("steps", 1, 10, step=4), Real("rate", 1e-4, 0.1, log=True))),
        Repeat(
            "free", (OneOf("op[x]", (Candidate("conv%", children=(Integer("width", 8, 9),)), Candidate("skip"))),), 0, 3
        ),
        Repeat("tied", (Integer("units", 1, 3),), 0, 2, tied=True),
        SomeOf("few", (Candidate("a"), Candidate("b", children=(Integer("deep", 0, 1),)), Candidate("c")), 1, 2),
        SomeOf("line", (Candidate("a"), Candidate("b")), 0, 4, ordered=True, with_replacement=True),
        OneOf("mix", (Candidate("none", search_only=True), Candidate("conv"))),
    )
)


@pytest.fixture(scope="module")
def tuner():
    found = importlib.util.spec_from_file_location("minimal_tuner", TUNER)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.fixture
def stub(tmp_path):
    """The program itself, behind its socket."""
    socket = tmp_path / "s"
    process = subprocess.Popen(
        [sys.executable, str(TUNER)],
        env={**os.environ, "NASCORE_TUNER_SOCKET": str(socket)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == f"nascore-tuner v1 unix:{socket}\n"
    with grpc.insecure_channel(f"unix:{socket}") as channel:
        yield TunerServiceStub(channel)
    process.terminate()
    process.communicate(timeout=60)


def opened(space):
    objective = tuner_pb2.Objective(metric="hits", direction=tuner_pb2.DIRECTION_MAXIMIZE)
    return tuner_pb2.OpenRequest(session="s", space=space_to_message(space), objectives=[objective])


def told(proposal, seq, hits):
    outcome = tuner_pb2.Outcome(
        status=tuner_pb2.OUTCOME_STATUS_COMPLETED, metrics=[tuner_pb2.Metric(name="hits", value=hits)]
    )
    return tuner_pb2.Told(seq=seq, proposal=proposal, outcome=outcome)


def test_it_has_under_a_hundred_lines():
    assert len(TUNER.read_text().splitlines()) < 100


def test_it_keeps_the_contract_in_a_python_without_nascore(invoke, tmp_path):
    """The packages of grpcio and the generated classes are all that its Python can see."""
    bare = tmp_path / "bare"
    classes = bare / "nascore" / "v1"
    classes.mkdir(parents=True)
    for file in Path(tuner_pb2.__file__).parent.glob("*_pb2*.py"):
        shutil.copy(file, classes)
    for package in (Path(grpc.__file__).parent, Path(descriptor.__file__).parents[1], Path(typing_extensions.__file__)):
        (bare / package.name).symlink_to(package)
    program = shutil.copy(TUNER, bare)
    importing = [sys.executable, "-S", "-c", "import nascore.tuner"]
    absent = subprocess.run(importing, cwd=bare, capture_output=True, text=True, check=False)
    assert "No module named 'nascore.tuner'" in absent.stderr
    ran = invoke("check-tuner", f"exec:{sys.executable} -S {program}", "--only", "determinism", "--quick", "-q")
    assert ran.exit_code == 0, ran.stdout


def test_a_search_runs_through_it(invoke, experiment_file, tmp_path):
    ran = invoke("run", str(experiment_file), "--tuner", f"exec:{sys.executable} {TUNER}", "--trials", "12")
    assert ran.exit_code == 0, ran.stderr
    found = archive.load(tmp_path / "home", "toys")
    assert found.record.counts[TrialState.SUCCEEDED] == 12
    assert "trouble" not in ran.stderr


@pytest.mark.parametrize("name", ["everything", "flat28", "nested", "repeats", "nasbench201", "numeric"])
def test_what_it_draws_belongs_to_the_space(tuner, name):
    space = EVERYTHING if name == "everything" else KNOWN_SPACES[name]
    best = {}
    for seed in range(60):
        drawn = sorted(tuner.draw(space_to_message(space).nodes, "", Random(seed), best), key=lambda item: item.path)
        message = tuner_pb2.Proposal(architecture={"decisions": drawn}).architecture
        architecture = architecture_from_message(message)
        assert not space.validate(architecture)
        best = {decision.path: decision for decision in drawn}


@pytest.mark.parametrize("name", ["constrained", "shared"])
def test_what_it_cannot_handle_it_refuses_with_a_sentence(stub, name):
    assert "climber handles neither" in stub.Open(opened(KNOWN_SPACES[name])).cannot_tune


def test_equal_history_and_seeds_give_equal_proposals_and_it_climbs(stub):
    space = KNOWN_SPACES["flat28"]
    best_path = {path: str(value) for path, value in space.default().items()}

    def climb():
        stub.Open(opened(space))
        seen, outcomes = [], []
        for number in range(200):
            asked = tuner_pb2.AskRequest(session="s", first_number=number, seeds=[number * 7 + 1], outcomes=outcomes)
            proposal = stub.Ask(asked).proposals[0]
            hits = sum(best_path[item.path] == item.candidate for item in proposal.architecture.decisions)
            outcomes = [told(proposal, number + 1, hits)]
            seen.append(hits)
        return seen

    first = climb()
    assert climb() == first
    assert sum(first[150:]) / 50 > 11  # 7 at random
