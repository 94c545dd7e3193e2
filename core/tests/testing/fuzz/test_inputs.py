"""Makers of inputs: repeatable, hostile, and near enough to what is valid to reach the inside."""

import json
import random

import pytest
from nascore.testing.fuzz import FORMATS, JsonTexts, Messages, WireBytes, YamlTexts, input_at, inputs_of
from nascore.testing.fuzz.edits import edited
from nascore.testing.fuzz.json_texts import JsonDocument
from nascore.testing.fuzz.requests import SERVICES, valid_requests
from nascore.v1 import trial_pb2

MANY = 3_000
LEASE = trial_pb2.LeaseTrialRequest(experiment="e", worker="w", request_id="r", max_wait_s=1.5)


@pytest.mark.parametrize("name", FORMATS)
def test_an_input_can_be_made_again_from_seed_and_place(name: str) -> None:
    inputs = list(inputs_of(FORMATS[name], 30, seed=5))
    assert inputs == [input_at(FORMATS[name], place, seed=5) for place in range(30)]
    assert inputs != list(inputs_of(FORMATS[name], 30, seed=6))
    assert len(set(inputs)) > 20


def test_every_rpc_has_valid_requests() -> None:
    requests = valid_requests()
    assert set(requests) == {f"/{each.full_name}/{rpc.name}" for each in SERVICES for rpc in each.methods}
    assert all(requests.values())


def test_edits_are_made_in_one_pass_and_do_not_overlap() -> None:
    assert edited("abcdef", [(4, 5, "X"), (0, 2, "Y"), (1, 3, "never")]) == "YcdXf"
    assert edited(b"abc", [(3, 3, b"d")]) == b"abcd"


def test_a_document_is_taken_apart_wholly() -> None:
    text = '{"a": [1, -2.5e3, {"b\\"": null}], "c": ""}'
    document = JsonDocument.of(text)
    assert {text[begin:end] for begin, end in document.names} == {'"a"', '"b\\""', '"c"'}
    assert [text[begin:end] for begin, end in document.values][-1] == text
    assert {"1", "-2.5e3", "null", '""'} <= {text[begin:end] for begin, end in document.values}


def test_json_texts_hold_what_no_value_stands_for() -> None:
    make = JsonTexts(['{"a": [1, 2], "b": {"c": "x"}}'])
    texts = [make(random.Random(place)) for place in range(MANY)]
    for needle in ("NaN", "1e400", "9" * 400, "\\ud800", "[" * 100, '"a": [1, 2],"a": [1, 2]'):
        assert any(needle in text for text in texts), needle
    valid = sum(map(_is_json, texts))
    assert MANY // 5 < valid < MANY


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def test_wire_bytes_are_partly_messages() -> None:
    make = WireBytes([LEASE])
    raws = [make(random.Random(place)) for place in range(MANY)]
    readable = sum(map(_is_message, raws))
    assert MANY // 10 < readable < MANY
    assert any(len(raw) > 4000 for raw in raws)


def _is_message(raw: bytes) -> bool:
    try:
        trial_pb2.LeaseTrialRequest.FromString(raw)
    except Exception:
        return False
    return True


def test_messages_have_values_at_corners() -> None:
    make = Messages([LEASE], texts={"worker": ("special",)})
    messages = [trial_pb2.LeaseTrialRequest.FromString(make(random.Random(place))) for place in range(MANY)]
    waits = {str(message.max_wait_s) for message in messages}
    assert {"nan", "inf", "-inf", "5e-324"} <= waits
    assert any(message.worker == "special" for message in messages)
    assert any("\x00" in message.experiment for message in messages)


def test_yaml_texts_hold_the_traps_of_yaml() -> None:
    make = YamlTexts(["a: 1\nb:\n- c\n"])
    texts = [make(random.Random(place)) for place in range(MANY)]
    for needle in (b"!!python", b"<<: *a", b"\t", b"&a", b"\xff", b"%YAML"):
        assert any(needle in text for text in texts), needle
