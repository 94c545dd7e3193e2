"""Released programs go on: nothing of the frozen schema is broken, and what they sent is read as it was meant."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from nascore.testing.schema import Schema, breaking_changes, full_messages, message_names

ROOT = Path(__file__).parents[3]
GOLDEN = dict(
    line.partition(" ")[::2] for line in (Path(__file__).parent / "golden" / "v1.txt").read_text().splitlines()
)


def message_of(place: str, schema: Schema) -> type[Message]:
    """The class of a golden: of its message, or of the one whose field it is."""
    names = message_names(schema)
    return schema.message(place if place in names else place.rpartition(".")[0])


def text_of(message: Message) -> dict[str, object]:
    return MessageToDict(message, preserving_proto_field_name=True)


def test_nothing_that_was_released_is_broken(released: Schema, current: Schema) -> None:
    assert breaking_changes(released.files, current.files) == ()


def test_the_command_that_freezes_agrees() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "freeze_protos.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing broken" in done.stdout


def test_there_are_golden_bytes_of_every_released_message(released: Schema) -> None:
    assert set(message_names(released)) <= set(GOLDEN)


@pytest.mark.parametrize("place", sorted(GOLDEN))
def test_golden_bytes_mean_today_what_they_meant(released: Schema, current: Schema, place: str) -> None:
    data = bytes.fromhex(GOLDEN[place])
    before = message_of(place, released).FromString(data)
    now = message_of(place, current).FromString(data)
    assert text_of(now) == text_of(before)
    assert now.SerializeToString(deterministic=True) == data
    assert bool(text_of(now)) == bool(data)


def test_what_newer_programs_add_is_passed_over_and_passed_on(generations: dict[str, Schema]) -> None:
    newest = generations["newer"]
    for name in message_names(generations["released"]):
        sent = full_messages(newest, name)[name].SerializeToString()
        for generation in ("released", "current"):
            schema = generations[generation]
            read = schema.message(name).FromString(sent)
            assert "added_later" not in text_of(read)
            assert {each.name for each, _ in read.ListFields()} >= _names(schema, name)
            again = newest.message(name).FromString(read.SerializeToString())
            assert again == newest.message(name).FromString(sent)


def test_what_older_programs_leave_out_reads_as_unset(generations: dict[str, Schema]) -> None:
    for name in message_names(generations["released"]):
        sent = full_messages(generations["released"], name)[name]
        read = generations["newer"].message(name).FromString(sent.SerializeToString())
        assert text_of(read) == text_of(sent)


def _names(schema: Schema, name: str) -> set[str]:
    """Fields that a full message has set: all, but of a oneof the last alone."""
    descriptor = schema.message(name).DESCRIPTOR
    hidden = {each.name for oneof in descriptor.oneofs for each in oneof.fields[:-1]}
    return {each.name for each in descriptor.fields} - hidden
