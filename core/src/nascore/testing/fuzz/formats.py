"""The formats that strangers send, each with a maker of inputs, the reader that is tried, and the errors it may raise.

Authors of plugins and launchers make a `Format` of their own and run it with `campaign`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from google.rpc import code_pb2, error_details_pb2, status_pb2

from nascore.errors import ArchitectureError, DataLossError, InvalidInputError, NascoreError, Violation
from nascore.record import Budget, Derived, Proposal, WarmStart
from nascore.record.wire import derived_to_message
from nascore.space import Architecture
from nascore.status import to_status
from nascore.testing.fuzz import documents, targets
from nascore.testing.fuzz.edits import picked
from nascore.testing.fuzz.messages import Messages, either
from nascore.testing.fuzz.requests import request_inputs
from nascore.testing.fuzz.runner import Report, fuzz
from nascore.testing.fuzz.service import open_service
from nascore.testing.fuzz.wire_bytes import WireBytes
from nascore.testing.spaces import LITTLE_SPACES
from nascore.tuner.session import Answer, Description
from nascore.tuner.wire import answer_to_message, description_to_message

InputT = TypeVar("InputT", str, bytes)


@dataclass(frozen=True, slots=True)
class Format(Generic[InputT]):
    """A format and its reader.

    Attributes:
        name: Its name, for the command line and the corpus.
        inputs: Makes an input; the same generator makes the same one.
        open: Gives the target for the length of a campaign.
        allowed: Errors that refuse an input as they should.
    """

    name: str
    inputs: Callable[[random.Random], InputT]
    open: Callable[[], AbstractContextManager[Callable[[InputT], object]]]
    allowed: tuple[type[BaseException], ...] = (NascoreError,)


def inputs_of(chosen: Format[InputT], count: int, *, seed: int) -> Iterator[InputT]:
    """Yield inputs; each depends on the seed and its place only, so that one can be made again by itself."""
    return (input_at(chosen, place, seed=seed) for place in range(count))


def input_at(chosen: Format[InputT], place: int, *, seed: int) -> InputT:
    """Return the input at a place of a campaign."""
    return chosen.inputs(random.Random(seed << 40 | place))


def campaign(chosen: Format[InputT], count: int, *, seed: int = 0, limit_s: float = 1.0) -> Report[InputT]:
    """Run a campaign, and return what came of it.

    Args:
        chosen: The format.
        count: Number of inputs.
        seed: Another seed gives other inputs.
        limit_s: Seconds that one may take.
    """
    with chosen.open() as target:
        inputs = inputs_of(chosen, count, seed=seed)
        return fuzz(target, inputs, allowed=chosen.allowed, limit_s=limit_s, expected=count)


def _statuses() -> Callable[[random.Random], bytes]:
    found = (Violation("nodes[2]", "wrong"), Violation("", "also wrong"))
    ours = to_status(ArchitectureError("It does not fit.", hint="Mend it.", violations=found))
    theirs = status_pb2.Status(code=code_pb2.UNAVAILABLE, message="away")
    theirs.details.add().Pack(error_details_pb2.DebugInfo(detail="x"))
    messages = (ours, theirs)
    texts = {"reason": ("INVALID_SPACE", "NONE"), "domain": ("nascore", "other")}
    return either(Messages(messages, texts=texts), WireBytes(messages), share=0.4)


def _answers() -> Callable[[random.Random], bytes]:
    architecture = Architecture({"width": "s"})
    proposals = (
        Proposal(0, architecture, budget=Budget("epochs", 1.0), log_prob=-0.5, notes={"a": [1.5]}),
        Proposal(1, architecture, warm_start=WarmStart(parent=0)),
    )
    texts = {
        "path": ("width",),
        "candidate": ("s", "l"),
        "notes_json": ('{"a":NaN}', '{"a":1e999}', "[" * 900 + "]" * 900, '{"a":"\\ud800"}', '{"a":' + "9" * 500 + "}"),
    }
    messages = {
        b"a": answer_to_message(Answer(proposals)),
        b"d": description_to_message(Description("random", "1", settings_schema_json='{"type":"object"}')),
        b"e": derived_to_message(Derived(architecture, 0.5)),
    }
    kinds = tuple(messages)
    makers = {
        kind: either(Messages([message], texts=texts), WireBytes([message]), share=0.5)
        for kind, message in messages.items()
    }

    def make(rng: random.Random) -> bytes:
        kind = picked(kinds, rng)
        return kind + makers[kind](rng)

    return make


_BY_SPACE = tuple(LITTLE_SPACES[name] for name in ("constrained", "numeric", "nested", "blocks", "chosen"))

# Any: each format has inputs of its own type.
FORMATS: Mapping[str, Format[Any]] = {
    each.name: each
    for each in (
        Format("requests", request_inputs(), open_service),
        Format("space-json", documents.space_texts(), lambda: nullcontext(targets.read_space), (InvalidInputError,)),
        Format(
            "architecture-json",
            documents.architecture_texts(_BY_SPACE),
            lambda: nullcontext(targets.architecture_reader(_BY_SPACE)),
            (InvalidInputError,),
        ),
        Format(
            "experiment-yaml",
            documents.yaml_texts(),
            partial(targets.file_reader, "nascore.cli.experimentfile:read_experiment_file", file="experiment.yaml"),
            (InvalidInputError,),
        ),
        Format("tuner-answers", _answers(), lambda: nullcontext(targets.read_answer)),
        Format("statuses", _statuses(), lambda: nullcontext(targets.read_status), ()),
        Format("log", documents.log_entries(), lambda: nullcontext(targets.read_log), (DataLossError,)),
        Format(
            "run-file",
            documents.run_files(),
            partial(
                targets.file_reader,
                "nascore.cli.runfile:read_run_file",
                file="run.json",
                is_folder=True,
                check=targets.check_unchanged,
            ),
            (DataLossError,),
        ),
        Format("holder-file", documents.holder_files(), targets.holder_reader),
        Format("weights", documents.weight_files(), lambda: nullcontext(targets.read_weights), (DataLossError,)),
        Format("manifests", documents.manifests(), lambda: nullcontext(targets.read_checkpoint)),
    )
}
"""All formats by name; the first four come from people and from the network."""

NAMED = ("requests", "space-json", "architecture-json", "experiment-yaml")
"""The formats that every landing tries 100,000 times."""
