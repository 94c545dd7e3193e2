"""The committed stubs are those that protos/ generate, and the golden messages keep their meaning."""

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import json_format
from nascore import errors
from nascore.v1 import (
    architecture_pb2,
    error_pb2,
    experiment_pb2,
    space_pb2,
    tensor_pb2,
    trial_pb2,
    tuner_pb2,
    weights_pb2,
)

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "protos" / "examples"
MODULES = (
    architecture_pb2,
    error_pb2,
    experiment_pb2,
    space_pb2,
    tensor_pb2,
    trial_pb2,
    tuner_pb2,
    weights_pb2,
)
MESSAGES = {
    name: message for module in MODULES for name, message in vars(module).items() if hasattr(message, "DESCRIPTOR")
}


def test_committed_stubs_are_up_to_date() -> None:
    check = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "generate_protos.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert check.returncode == 0, check.stdout + check.stderr


def _goldens() -> list[Path]:
    return sorted(path for path in EXAMPLES.glob("*.json") if path.name.split(".")[0] in MESSAGES)


def test_there_is_a_golden_for_the_root_messages() -> None:
    kinds = {path.name.split(".")[0] for path in _goldens()}
    assert kinds >= {"SearchSpace", "Architecture", "Mixture", "Tensor", "Proposal", "Outcome", "LoggedEvent"}
    assert kinds >= {"Experiment", "Trial", "Lease", "OpenRequest", "AskRequest", "AskResponse", "DescribeResponse"}


@pytest.mark.parametrize("path", _goldens(), ids=lambda path: path.stem)
def test_golden_messages_read_and_write_the_same(path: Path) -> None:
    message = MESSAGES[path.name.split(".")[0]]()
    data = json.loads(path.read_text())
    json_format.ParseDict(data, message)
    binary = type(message).FromString(message.SerializeToString())
    assert json_format.MessageToDict(binary) == data


def _services() -> list[Path]:
    return sorted((ROOT / "protos" / "nascore" / "v1").glob("*.proto"))


@pytest.mark.parametrize("path", _services(), ids=lambda path: path.stem)
def test_every_message_enum_and_rpc_is_commented(path: Path) -> None:
    lines = path.read_text().splitlines()
    bare = [
        line.strip()
        for before, line in itertools.pairwise(lines)
        if re.match(r"\s*(enum|service|rpc|message) ", line)
        and not before.strip().startswith("//")
        and not re.search(r"message \w+(Request|Response) \{", line)
    ]
    assert not bare


def test_every_enum_zero_is_unspecified() -> None:
    for module in MODULES:
        for enum in module.DESCRIPTOR.enum_types_by_name.values():
            assert enum.values_by_number[0].name.endswith("_UNSPECIFIED")


def test_no_message_uses_a_map() -> None:
    for name, message in MESSAGES.items():
        descriptor = message.DESCRIPTOR
        if hasattr(descriptor, "nested_types"):
            assert not [kind.name for kind in descriptor.nested_types if kind.GetOptions().map_entry], name


def test_error_reasons_are_those_of_the_error_tree() -> None:
    tree = {getattr(errors, name).reason for name in errors.__all__ if hasattr(getattr(errors, name), "reason")}
    closed = {name.removeprefix("ERROR_REASON_") for name in error_pb2.ErrorReason.keys()}  # noqa: SIM118 - an enum wrapper, no dict
    assert tree - {"NASCORE_ERROR"} == closed - {"UNSPECIFIED"}
