"""The tuners in Node and C++: every kind of space, real searches, and kills in the middle."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import grpc
import psutil
import pytest
from nascore.errors import NascoreError
from nascore.experiment import archive, events
from nascore.record import Told, TrialState
from nascore.space import Candidate, Group, Integer, OneOf, Real, Repeat, SearchSpace, SomeOf
from nascore.space.wire import architecture_from_message, space_to_message
from nascore.testing.checker import entries_of_database, judged_folder, keep_log, log_of
from nascore.testing.checker.evidence import HISTORY, LOG
from nascore.testing.checker.logbook import read_entries
from nascore.testing.history import Recorder
from nascore.testing.killing import KillLoop, Role, descendants
from nascore.testing.spaces import KNOWN_SPACES
from nascore.testing.torture.crew import Crew
from nascore.testing.torture.observer import Observer
from nascore.testing.torture.plan import Habits, Plan
from nascore.testing.torture.proposals import spec_of
from nascore.testing.torture.served import ServedSearch
from nascore.tuner import Setup, connect
from nascore.v1 import tuner_pb2
from nascore.v1.tuner_pb2_grpc import TunerServiceStub

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SOURCES = Path(__file__).parents[3] / "examples" / "tuners"
PROTOS = Path(__file__).parents[3] / "protos"
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


@pytest.fixture(scope="module", params=["node", "cpp"])
def program(request, tmp_path_factory, require):
    """The command of an example, which is built in a folder of its own."""
    folder = tmp_path_factory.mktemp(request.param) / "tuner"
    needed = {"node": ("node", "npm"), "cpp": ("cmake", "g++", "protoc", "grpc_cpp_plugin")}[request.param]
    for tool in needed:
        require("" if shutil.which(tool) else f"{tool} is not installed")
    shutil.copytree(SOURCES / request.param, folder, ignore=shutil.ignore_patterns("node_modules", "build"))
    if request.param == "node":
        made(["npm", "install", "--silent", "--no-package-lock", "--no-audit", "--no-fund"], folder, require)
        return f"node {folder / 'tuner.mjs'}"
    made(["cmake", "-S", ".", "-B", "build", f"-DPROTOS={PROTOS}", "-DCMAKE_BUILD_TYPE=Debug"], folder, require)
    made(["cmake", "--build", "build"], folder, require)
    return str(folder / "build" / "tuner")


def test_that_in_node_has_under_200_lines():
    assert len((SOURCES / "node" / "tuner.mjs").read_text().splitlines()) < 200


def made(command, folder, require):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=400, check=False)
    output = (done.stdout + done.stderr)[-600:]
    if any(sign in output for sign in ("ENOTFOUND", "ECONNREFUSED", "ETIMEDOUT", "EAI_AGAIN", "ENETUNREACH")):
        require(f"The packages cannot be fetched: {output}")
    assert done.returncode == 0, output


@pytest.fixture
def stub(program, tmp_path):
    """The program itself, as a service behind a socket."""
    environ = {"PATH": os.environ["PATH"], "NASCORE_PROTOS": str(PROTOS), "NASCORE_TUNER_SOCKET": str(tmp_path / "s")}
    process = subprocess.Popen(program.split(), env=environ, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == f"nascore-tuner v1 unix:{tmp_path / 's'}\n"
    with grpc.insecure_channel(f"unix:{tmp_path / 's'}") as channel:
        yield TunerServiceStub(channel)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 0


def opened(space, settings=""):
    objective = tuner_pb2.Objective(metric="hits", direction=tuner_pb2.DIRECTION_MAXIMIZE)
    message = space_to_message(space)
    return tuner_pb2.OpenRequest(session="s", space=message, objectives=[objective], settings_json=settings)


def told(proposal, seq, hits):
    metrics = [tuner_pb2.Metric(name="hits", value=hits)]
    outcome = tuner_pb2.Outcome(status=tuner_pb2.OUTCOME_STATUS_COMPLETED, metrics=metrics)
    return tuner_pb2.Told(seq=seq, proposal=proposal, outcome=outcome)


def searched(stub, space, count, hits_of):
    stub.Open(opened(space))
    outcomes, architectures = [], []
    for number in range(count):
        asked = tuner_pb2.AskRequest(session="s", first_number=number, seeds=[2**63 + number * 7], outcomes=outcomes)
        proposal = stub.Ask(asked).proposals[0]
        architecture = architecture_from_message(proposal.architecture)
        assert not space.validate(architecture)
        architectures.append(architecture)
        outcomes = [told(proposal, number + 1, hits_of(architecture))]
    return architectures


@pytest.mark.parametrize("name", ["everything", "flat28", "nested", "repeats", "nasbench201", "numeric"])
def test_what_it_proposes_belongs_to_the_space(stub, name):
    space = EVERYTHING if name == "everything" else KNOWN_SPACES[name]
    searched(stub, space, 80, lambda architecture: int(architecture.fingerprint[:4], 16))


@pytest.mark.parametrize(("name", "word"), [("constrained", "constraints"), ("shared", "twice")])
def test_what_it_cannot_handle_it_refuses_with_a_sentence(stub, name, word):
    assert word in stub.Open(opened(KNOWN_SPACES[name])).cannot_tune


def test_an_unknown_session_is_named(stub):
    with pytest.raises(grpc.RpcError, match="no session"):
        stub.Ask(tuner_pb2.AskRequest(session="nobody", seeds=[1]))


def test_equal_history_and_seeds_give_equal_proposals_and_it_climbs(stub):
    space = KNOWN_SPACES["flat28"]
    best = space.default()

    def hits(architecture):
        return sum(architecture[path] == value for path, value in best.items())

    first = searched(stub, space, 300, hits)
    assert searched(stub, space, 300, hits) == first
    changed = [sum(one[path] != two[path] for path in one) for one in first[50:] for two in first if one != two]
    assert min(changed) == 1  # One decision a child.
    assert sum(map(hits, first[250:])) / 50 > 13  # 5.6 at random


def test_its_settings_have_a_schema_and_what_that_forbids_is_refused(stub):
    schema = json.loads(stub.Describe(tuner_pb2.DescribeRequest()).settings_schema_json)
    assert schema["type"] == "object"
    for name in schema["properties"]:
        assert not stub.Open(opened(KNOWN_SPACES["flat28"], json.dumps({name: 3}))).cannot_tune
        for wrong in (0, -1, 1.5, "3", None):
            assert name in stub.Open(opened(KNOWN_SPACES["flat28"], json.dumps({name: wrong}))).cannot_tune
    assert stub.Open(opened(KNOWN_SPACES["flat28"], '{"popluation": 3}')).cannot_tune


def test_a_search_goes_on_when_its_process_is_killed_ten_times(program, experiment_file, tmp_path):
    environ = {**os.environ, "NASCORE_PROTOS": str(PROTOS), "NASCORE_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "nascore", "run", str(experiment_file), "--tuner", f"exec:{program}"]
    with (tmp_path / "output").open("w+") as output:
        running = subprocess.Popen(
            [*command, "--trials", "100000"], env=environ, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            killed, succeeded = 0, 0
            while running.poll() is None and killed < 10:
                now = succeeded_trials(tmp_path / "home")
                if now > succeeded:
                    killed, succeeded = killed + was_killed(running, program), now
            goes_on = [sys.executable, "-m", "nascore", "resume", "toys", "--trials", str(max(150, succeeded + 50))]
            subprocess.run(goes_on, env=environ, check=True, timeout=60, capture_output=True)
            running.wait(timeout=100)
        finally:
            running.kill()
            running.wait()
        output.seek(0)
        assert running.returncode == 0, output.read()
    assert killed == 10
    assert succeeded_trials(tmp_path / "home") >= 150


@pytest.mark.parametrize("workers", [1, 3])
def test_a_served_search_loses_and_repeats_nothing_when_its_tuner_is_killed_ten_times(
    program, tmp_path, monkeypatch, workers
):
    monkeypatch.setenv("NASCORE_PROTOS", str(PROTOS))
    plan = Plan(10, 60, workers=workers, seed=5, tuner=f"exec:{program}", settings={}, habits=Habits(work_s=0.05))
    rng = Random(plan.seed)
    with (
        ServedSearch(tmp_path, plan) as search,
        Recorder(tmp_path / HISTORY, "observer") as recorder,
        Crew(plan, tmp_path, search.variables) as crew,
    ):
        observer = Observer(search, recorder, rng)
        asked = []
        victims = Role(
            "tuner",
            lambda: descendants(search.pids()[0], mark=program.split()[-1]),
            revive=lambda pid: asked.append(observer.proposed()),
            is_back=lambda pid: observer.proposed() > asked[-1],
        )
        tally = KillLoop([victims], rng=rng, pause_s=plan.pause_s, patience_s=plan.patience_s).run(plan.kills)
        search.let_end(max(plan.trials, observer.proposed() + workers))
        crew.wait(plan.patience_s)
        observer.look_at_all()
        assert crew.troubles == []
        assert search.stop() == 0
        keep_log(tmp_path, entries_of_database(search.database, search.experiment))
    assert tally.kills["tuner"] == 10
    judgement = judged_folder(tmp_path)
    assert judgement.violations == ()
    assert judgement.ended >= plan.trials
    log = log_of(read_entries(tmp_path / LOG))
    asked = [item.event for item in log if isinstance(item.event, events.Asked)]
    assert asyncio.run(proposed_again(plan.tuner, log)) == [each.proposal for each in asked]


async def proposed_again(tuner, log):
    """Put the questions of the log to a fresh process of the tuner, with the outcomes that it knew then."""
    spec = spec_of(log)
    session = await connect(tuner, history=list, on_trouble=pytest.fail)
    found = []
    try:
        await session.open(Setup(spec.space, spec.objectives, spec.seed), spec.settings)
        outcomes = [Told(item.seq, item.event.trial, item.event.outcome) for item in log if is_outcome(item)]
        for asked in (item.event for item in log if isinstance(item.event, events.Asked)):
            known = [told for told in outcomes if told.seq <= asked.told_through]
            outcomes = outcomes[len(known) :]
            fresh = [replace(told, proposal=found[told.proposal]) for told in known]
            number = asked.proposal.number
            answer = await session.ask(number, [asked.seed], outcomes=fresh, told_through=asked.told_through)
            found += answer.proposals
    finally:
        await session.close()
    return found


def is_outcome(item):
    return isinstance(item.event, events.Finished)


def succeeded_trials(home):
    try:
        return archive.load(home, "toys").record.counts.get(TrialState.SUCCEEDED, 0)
    except NascoreError:  # The search has not begun yet.
        return 0


def was_killed(running, program):
    """Kill the tuner's process, and say whether there was one."""
    for process in psutil.Process(running.pid).children(recursive=True):
        try:
            if " ".join(process.cmdline()) == program:
                process.kill()
                return True
        except psutil.NoSuchProcess:
            continue
    return False
