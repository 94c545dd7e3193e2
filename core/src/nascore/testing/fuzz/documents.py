"""Makers of inputs for the files that nascore reads: spaces, architectures, experiments, logs, weights.

Valid documents are small, for what they cost is paid a million times. Not here: what reads them (``targets``).
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import TypeVar

from nascore.experiment import events
from nascore.record import (
    EndReason,
    ExperimentAction,
    ExperimentSpec,
    Failure,
    FailureKind,
    Limits,
    Outcome,
    OutcomeStatus,
    Proposal,
    Report,
    Task,
    Verdict,
)
from nascore.space import Architecture, SearchSpace
from nascore.testing.fuzz.json_texts import JsonTexts
from nascore.testing.fuzz.yaml_texts import YamlTexts
from nascore.testing.spaces import LITTLE_SPACES
from nascore.weights.manifest import Entry, Manifest
from nascore.weights.safetensors import header_of

InputT = TypeVar("InputT", str, bytes)
Make = Callable[[random.Random], InputT]


def space_texts() -> Make[str]:
    """Return a maker of space files."""
    names = (
        "constraints",
        "operation",
        "operands",
        "literal",
        "someOf",
        "oneOf",
        "repeat",
        "group",
        "body",
        "children",
    )
    values = ('"OPERATOR_DIVIDE"', '"OPERATOR_NOT"', "5", '"1000"', "1000", "512", '"9223372036854775807"')
    documents = [space.canonical_json().decode() for space in LITTLE_SPACES.values()]
    return JsonTexts(documents, names=names, values=values)


def architecture_texts(spaces: tuple[SearchSpace, ...]) -> Make[str]:
    """Return a maker of architectures that nearly belong to some spaces."""
    rng = random.Random(0)
    documents = [space.sample(rng).to_json() for space in spaces for _ in range(4)]
    names = sorted({decision.path for space in spaces for decision in space.decisions})
    return JsonTexts(documents, names=(*names, "op/", "stage[2]/width", "stage[-1]", "a" * 300))


_YAML = (
    "trialFile: trial.py\nmaxTrialNumber: 3\n",
    "name: a\ntuner:\n  name: random\n  classArgs: {a: 1}\n",
    "objectives:\n- metric: a\n  bound: 0.5\nseed: 7\n",
    "trialCommand: [python, trial.py]\ngpus: 0,1\ntarget: 0.9\n",
    "maxExperimentDuration: 1h30m\nsearchSpaceFile: space.json\n",
    "a: &a {metric: x}\nobjective: *a\n",
)


def yaml_texts() -> Make[bytes]:
    """Return a maker of experiment files."""
    keys = (
        "trial",
        "trialFile",
        "tuner",
        "class_args",
        "optimizeMode",
        "isolation",
        "leaseDuration",
        "folder",
        "bound",
    )
    return YamlTexts(_YAML, keys=keys)


def _events() -> tuple[events.Event, ...]:
    architecture = Architecture({"width": "s"})
    proposal = Proposal(0, architecture, notes={"parent": 1}, log_prob=-0.5)
    failure = Failure(FailureKind.LOST, "gone")
    spec = ExperimentSpec("random", {"a": 1}, seed=7, space=LITTLE_SPACES["choice"], limits=Limits(max_trials=3))
    return (
        events.Created(spec, "d", "r"),
        events.SpaceRegistered(LITTLE_SPACES["choice"], "w", 3, (Task.EVALUATE,), ("cpu",)),
        events.Asked(proposal, 5, 0),
        events.Enqueued(proposal, "r"),
        events.Leased(0, 1, 1, "w", "r"),
        events.Returned(0, 1, "r"),
        events.Lost(0, 1),
        events.Retried(0, 1, failure, "r"),
        events.Reported(Report(0, 1, {"accuracy": 0.5}), 1, Verdict.CONTINUE, "r"),
        events.Finished(0, 1, Outcome(OutcomeStatus.FAILED, duration_s=1.0, failure=failure), "c", "r"),
        events.Updated(ExperimentAction.PAUSE, Limits(target=0.5), "r"),
        events.Exhausted(),
        events.Ended(EndReason.TARGET, "x"),
        events.Troubled("x"),
    )


def log_entries() -> Make[str]:
    """Return a maker of log entries: the kind of an event, a blank, and its payload."""
    makers = {event.kind: JsonTexts([events.payload(event)]) for event in _events()}
    kinds = tuple(makers)

    def make(rng: random.Random) -> str:
        kind = kinds[int(rng.random() * len(kinds))]
        other = kinds[int(rng.random() * len(kinds))] if rng.random() < 0.05 else kind
        return f"{other} {makers[kind](rng)}"

    return make


def weight_files() -> Make[bytes]:
    """Return a maker of safetensors files."""
    headers = [
        header_of({"a": ("F32", (2,)), "b": ("U8", (3,))})[8:].decode(),
        header_of({"a": ("BF16", ())})[8:].decode(),
        '{"__metadata__":{"a":"b"},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
    ]
    make_header = JsonTexts(headers, values=("11", '"I64"', "[0,8]", "[8,11]", "[1099511627776,1099511627776]"))

    def make(rng: random.Random) -> bytes:
        header = make_header(rng).encode("utf-8", "surrogatepass")
        length = len(header) if rng.random() < 0.9 else int(rng.random() * 2**64)
        return length.to_bytes(8, "little") + header + bytes(int(rng.random() * 3) or 11)

    return make


def manifests() -> Make[str]:
    """Return a maker of manifests of checkpoints."""
    entry = Entry("conv.weight", "F32", (2, 3), "0" * 64, 24)
    manifest = Manifest(3, (entry,), ("1" * 32,), "f" * 64, {"accuracy": 0.5}, {"note": "a"})
    return JsonTexts([manifest.to_bytes().decode(), Manifest(0, ()).to_bytes().decode()])


def run_files() -> Make[str]:
    """Return a maker of run files, which say how the workers of an experiment are started."""
    document = {
        "trial_file": "trial.py",
        "command": ["python", "trial.py"],
        "parallel": 2,
        "isolation": "fork",
        "tuner": "random",
        "python": "python3",
        "cwd": "work",
        "gpus": ["0"],
        "address": "",
        "is_tuner_insecure": False,
    }
    return JsonTexts([json.dumps(document)], values=('"abc"', '"2"', "true", "2.0", '["0",1]', '["fork"]'))


def holder_files() -> Make[str]:
    """Return a maker of the files that say who holds a database."""
    document = {"pid": 12, "host": "here", "address": "unix:/x", "token_file": "token", "started_at": 1.5}
    return JsonTexts([json.dumps(document)])
