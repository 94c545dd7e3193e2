"""What reads the inputs of a campaign: each target takes one, or refuses it with an error that says why.

Where something was taken, it is also used: a space is sampled, written and read again, an architecture checked against
its space. Not here: the server (``service``).
"""

from __future__ import annotations

import fcntl
import json
import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Any
from zlib import crc32

import grpc
from google.protobuf.message import DecodeError

from nascore.errors import DataLossError, InvalidInputError
from nascore.experiment.events import Asked, Created, event_of, payload
from nascore.experiment.transitions import rebuilt
from nascore.journal import Entry, Holder, acquire, read_holder
from nascore.record import ExperimentSpec, Proposal
from nascore.record.wire import derived_from_message
from nascore.space import Architecture, SearchSpace
from nascore.status import from_rpc_error, to_status
from nascore.testing.fuzz.folders import work_folder
from nascore.testing.spaces import LITTLE_SPACES
from nascore.tuner.answers import check_proposal
from nascore.tuner.wire import answer_from_message, description_from_message
from nascore.v1 import tuner_pb2
from nascore.weights import safetensors
from nascore.weights.manifest import checkpoint_of, read_manifest

_MANY_DECISIONS = 2_000
_ACQUIRED_EVERY = 200


def read_space(text: str) -> None:
    """Read a space file, and use the space where it is one."""
    space = SearchSpace.from_json(text)
    again = SearchSpace.from_json(space.to_json())
    assert again == space, "a space that was written and read again is another one"
    assert again.fingerprint == space.fingerprint, "one space has two fingerprints"
    if len(space.decisions) < _MANY_DECISIONS:
        architecture = space.sample(random.Random(0))
        space.check(architecture)
        space.architecture(dict(architecture))


def architecture_reader(spaces: Sequence[SearchSpace]) -> Callable[[str], None]:
    """Return a target that reads an architecture and asks each space whether it belongs there."""

    def read(text: str) -> None:
        architecture = Architecture.from_json(text)
        assert Architecture.from_json(architecture.to_json()) == architecture
        assert len(architecture.fingerprint) == 64
        for space in spaces:
            if not space.validate(architecture):
                space.neighbours(architecture)
                space.values(architecture)
        errors = [error for space in spaces if (error := _unfit(space, architecture)) is not None]
        if len(errors) == len(spaces):
            to_status(errors[0])
            raise errors[0]

    return read


def _unfit(space: SearchSpace, architecture: Architecture) -> InvalidInputError | None:
    try:
        space.architecture(dict(architecture))
    except InvalidInputError as error:
        return error
    return None


def read_log(text: str) -> None:
    """Read an entry after the one that begins a log; what cannot be read is data loss, and names its place."""
    kind, _, content = text.partition(" ")
    begun = Created(ExperimentSpec("random", seed=1, space=LITTLE_SPACES["choice"]), "d", "r")
    entries = (Entry(1, begun.kind, payload(begun), 1.0, 0.0), Entry(2, kind, content, 1.0, 0.0))
    try:
        event_of(entries[1], experiment="e")
        rebuilt("e", entries)
    except DataLossError as error:
        if "entry 2" in str(error):
            raise
        raise AssertionError("the error does not say which entry is lost") from error


def read_weights(raw: bytes) -> None:
    """Read a safetensors file; its tensors lie inside it."""
    for tensor in safetensors.parse(raw, file="weights").values():
        assert tensor.size <= len(raw)


def read_checkpoint(text: str) -> None:
    """Read a manifest that lies under its own id, and write it again."""
    raw = text.encode("utf-8", "surrogatepass")
    manifest = read_manifest(raw, checkpoint=checkpoint_of(raw))
    again = manifest.to_bytes()
    read = read_manifest(again, checkpoint=checkpoint_of(again))
    # In notes a whole number above 2^53 may change from 1e19 to 10000000000000000000: canonical JSON writes both alike.
    assert replace(read, notes={}) == replace(manifest, notes={})


def read_status(raw: bytes) -> None:
    """Read the details of a failed call; whatever they are, there is an error to be shown and sent on."""
    trailers = grpc.aio.Metadata(("grpc-status-details-bin", raw))
    error = from_rpc_error(grpc.aio.AioRpcError(grpc.StatusCode.UNKNOWN, grpc.aio.Metadata(), trailers))
    to_status(error)
    str(error).encode()


def read_answer(raw: bytes) -> None:
    """Read what a tuner answers, as the engine does: a letter for the message, then its bytes."""
    kind, raw = raw[:1], raw[1:]
    try:
        if kind == b"a":
            answer = answer_from_message(tuner_pb2.AskResponse.FromString(raw))
            for number, proposal in enumerate(answer.proposals):
                check_proposal(proposal, number, space=LITTLE_SPACES["choice"], label="fuzzed")
                _store(proposal)
        elif kind == b"d":
            description_from_message(tuner_pb2.DescribeResponse.FromString(raw))
        else:
            found = derived_from_message(tuner_pb2.Derived.FromString(raw))
            LITTLE_SPACES["choice"].check(found.architecture)
    except DecodeError as error:
        raise InvalidInputError(f"not a message: {error}") from error  # As gRPC's own deserializer says.


def _store(proposal: Proposal) -> None:
    """Write a proposal as the engine does; a number without a finite value is refused there as the tuner's fault."""
    try:
        payload(Asked(proposal, 1, 0))
    except (TypeError, ValueError) as error:
        raise InvalidInputError(str(error)) from error


@contextmanager
def file_reader(
    place: str, *, file: str, is_folder: bool = False, check: Callable[[Any, bytes], None] | None = None
) -> Iterator[Callable[[str | bytes], None]]:
    """Yield a target that writes an input to a file and has it read.

    Args:
        place: Where the reader is (``package.module:function``): named, for it may be in a room above this one.
        file: Name of the file.
        is_folder: Whether the reader takes the folder rather than the file.
        check: Looks at what was read beside what was written.
    """
    read = resolve_name(place)
    with work_folder() as name:
        folder = Path(name)
        (folder / "trial.py").write_text("pass\n", encoding="utf-8")
        (folder / "space.json").write_text(LITTLE_SPACES["choice"].to_json(), encoding="utf-8")

        def target(text: str | bytes) -> None:
            raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
            with (folder / file).open("wb", buffering=0) as stream:
                stream.write(raw)
            found = read(folder if is_folder else folder / file)
            if check is not None:
                check(found, raw)

        yield target


def check_unchanged(found: Any, raw: bytes) -> None:
    """Make sure that a dataclass says what the JSON object says that it was read from, in the same types."""
    document = json.loads(raw)
    told = {name: value for name, value in asdict(found).items() if name in document}
    assert json.dumps(told, sort_keys=True) == json.dumps(document, sort_keys=True), "it was read as something else"


@contextmanager
def holder_reader() -> Iterator[Callable[[str], None]]:
    """Yield a target that finds a database held by somebody whose file says what the input says."""
    with work_folder() as name:
        database = Path(name) / "log.db"
        descriptor = os.open(f"{database}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)

        def target(text: str) -> None:
            raw = text.encode("utf-8", "surrogatepass")
            os.pwrite(descriptor, raw, 0)
            os.ftruncate(descriptor, len(raw))
            read_holder(database)
            if crc32(raw) % _ACQUIRED_EVERY == 0:
                acquire(database, Holder(1, "here"))  # Tries for a while, so that a campaign cannot do it each time.

        try:
            yield target
        finally:
            os.close(descriptor)
