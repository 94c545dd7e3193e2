"""``nascore space``: what it shows, and what it converts without changing a byte that need not change."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from nas_trial_plugin.space import space_command
from nascore.errors import ArchitectureError, InvalidInputError, NascoreError, NotFoundError, SpaceError
from nascore.space import OneOf, Repeat, SearchSpace
from nascore.space.nodes import Candidate

SPACE = """{
    "mutable_1": {
        "layer_1": {
            "layer_choice": ["conv(ch=128)", "pool", "identity"],
            "optional_inputs": ["out1", "out2", "out3"],
            "optional_input_size": 2
        }
    }
}
"""
ARCHITECTURE = '{"mutable_1": {"layer_1": {"chosen_layer": "pool", "chosen_inputs": ["out3", "out1"]}}}\r\n'
OURS = {"mutable_1:layer_1": "pool", "mutable_1:layer_1:inputs": ["out1", "out3"]}


@pytest.fixture
def space_file(tmp_path: Path) -> Path:
    file = tmp_path / "search_space.json"
    file.write_text(SPACE)
    return file


@pytest.fixture
def architecture_file(tmp_path: Path) -> Path:
    file = tmp_path / "architecture.json"
    file.write_bytes(ARCHITECTURE.encode())
    return file


def run(*words: object) -> Result:
    return CliRunner().invoke(space_command, list(map(str, words)), catch_exceptions=False, standalone_mode=False)


def convert(*words: object) -> str:
    return run("convert", *words).stdout_bytes.decode()


def test_the_command_imports_no_torch() -> None:
    script = "import sys, nas_trial_plugin.space\nassert not {'torch', 'nas_trial'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_a_file_that_is_missing_or_wrong_is_named(tmp_path: Path, space_file: Path) -> None:
    with pytest.raises(NotFoundError, match=r"absent\.json"):
        run(tmp_path / "absent.json")
    with pytest.raises(NotFoundError, match=r"absent\.py"):
        run(tmp_path / "absent.py")
    space_file.write_text(SPACE.replace("2\n", '"2"\n'))
    with pytest.raises(SpaceError, match=r"search_space\.json: .*6:36 mutable_1\.layer_1\.optional_input_size"):
        run(space_file)
    space_file.write_text('{"nodes": [{"label": "x"}]}')
    with pytest.raises(SpaceError, match=r"search_space\.json: "):
        run(space_file)


def test_a_space_file_of_nnis_is_shown(space_file: Path) -> None:
    assert run(space_file).stdout.splitlines() == [
        "mutable_1:layer_1: one of conv(ch=128), pool, identity",
        "mutable_1:layer_1:inputs: 2 of out1, out2, out3",
        "",
        "2 decisions, 9 architectures",
    ]


def test_what_was_forgiven_is_told_beside_the_space(space_file: Path) -> None:
    space_file.write_text(SPACE.replace("2\n", '"2"\n'))
    shown = run("--lenient", space_file)
    assert shown.stderr == 'forgiven  6:36 mutable_1.layer_1.optional_input_size: the size "2" is text; read as 2\n'
    assert "9 architectures" in shown.stdout


def test_a_space_file_of_ours_is_shown_and_written(tmp_path: Path, space_file: Path) -> None:
    ours = tmp_path / "ours.json"
    assert run(space_file, "-o", ours).stderr == f"{ours}: 2 decisions, 9 architectures\n"
    assert run(ours).stdout == run(space_file).stdout
    assert SearchSpace.from_json(run(ours, "--json").stdout) == SearchSpace.from_json(ours.read_text())


@pytest.mark.parametrize("layout", [{"indent": 3}, {"separators": (",", ":")}, {}])
def test_a_file_is_converted_to_its_own_dialect_byte_for_byte(layout: dict[str, object], space_file: Path) -> None:
    space_file.write_text(json.dumps(json.loads(SPACE), **layout))  # type: ignore[arg-type]
    assert convert(space_file, "--to", "nni") == space_file.read_text()


@pytest.mark.parametrize("between", ["nascore", "nni-wrapped"])
def test_there_and_back_is_the_same_file(between: str, space_file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    run("convert", space_file, "--to", between, "-o", other)
    assert other.read_text() != SPACE
    assert convert(other, "--to", "nni") == SPACE


def test_a_layer_is_written_flat_where_its_size_allows(space_file: Path) -> None:
    flat = json.loads(convert(space_file, "--to", "nni-flat"))
    assert flat["mutable_1:layer_1:inputs"]["_value"] == {"candidates": ["out1", "out2", "out3"], "n_chosen": 2}
    space_file.write_text(SPACE.replace("2\n", "[0, 2]\n"))
    with pytest.raises(SpaceError, match="'mutable_1:layer_1:inputs', which chooses 0 to 2 of 3"):
        convert(space_file, "--to", "nni-flat")


def test_what_nni_cannot_express_is_named(tmp_path: Path) -> None:
    file = tmp_path / "ours.json"
    body = (OneOf("op", (Candidate("a"), Candidate("b"))),)
    file.write_text(SearchSpace((Repeat("depth", body, 1, 3),)).to_json())
    with pytest.raises(SpaceError, match="'depth', a Repeat"):
        convert(file, "--to", "nni-flat")


def test_an_architecture_is_converted_there_and_back(space_file: Path, architecture_file: Path, tmp_path: Path) -> None:
    ours = convert(space_file, "--to", "nascore", "--architecture", architecture_file)
    assert json.loads(ours) == OURS
    file = tmp_path / "ours.json"
    file.write_text(ours)
    nni = json.loads(convert(space_file, "--to", "nni", "--architecture", file))
    assert nni == {"mutable_1": {"layer_1": {"chosen_layer": "pool", "chosen_inputs": ["out1", "out3"]}}}


def test_an_architecture_keeps_its_bytes_where_its_dialect_stays(
    space_file: Path, architecture_file: Path, tmp_path: Path
) -> None:
    assert convert(space_file, "--to", "nni-wrapped", "--architecture", architecture_file) == ARCHITECTURE
    output = tmp_path / "out.json"
    run("convert", space_file, "--to", "nni", "--architecture", architecture_file, "-o", output)
    assert output.read_bytes() == ARCHITECTURE.encode()


def test_an_architecture_of_another_space_is_refused_with_file_line_and_field(
    space_file: Path, architecture_file: Path
) -> None:
    architecture_file.write_text(ARCHITECTURE.replace("pool", "pol"))
    with pytest.raises(ArchitectureError, match=r"architecture\.json: .*1:44 .*chosen_layer.*did you mean 'pool'\?"):
        convert(space_file, "--to", "nascore", "--architecture", architecture_file)


def test_hyper_parameters_alone_are_read_in_either_spelling(tmp_path: Path) -> None:
    space, chosen = tmp_path / "space.json", tmp_path / "chosen.json"
    space.write_text(
        '{"size": {"_type": "choice", "_value": [16, [1, 2]]}, "lr": {"_type": "uniform", "_value": [0, 1]}}'
    )
    chosen.write_text('{"size": 16, "lr": 0.5}')
    assert json.loads(convert(space, "--to", "nascore", "--architecture", chosen)) == {"lr": 0.5, "size": "16"}
    chosen.write_text('{"size": [1, 2], "lr": 0}')
    assert json.loads(convert(space, "--to", "nascore", "--architecture", chosen)) == {"lr": 0.0, "size": "[1, 2]"}
    assert convert(space, "--to", "nni-flat", "--architecture", chosen) == chosen.read_text()
    chosen.write_text('{"size": 17, "lr": 0}')
    with pytest.raises(ArchitectureError, match="there are 16"):
        convert(space, "--to", "nascore", "--architecture", chosen)


def test_a_space_of_the_hub_is_shown_with_its_source_and_size() -> None:
    shown = run("hub:darts?layers=2&width=4").stdout
    assert shown.startswith("hub:darts  ")
    assert "DARTS: Differentiable Architecture Search" in shown
    assert "images   3 × 32 × 32, 10 classes" in shown
    assert "darts-v2: Liu et al., 2019" in shown


def test_an_unknown_space_of_the_hub_is_answered_with_what_it_may_have_been() -> None:
    with pytest.raises(InvalidInputError, match=r"no space 'drats'\. Did you mean 'darts'"):
        run("hub:drats")


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(NascoreError, match="no option 'layrs'"):
        run("hub:darts?layrs=3")


def test_help_shows_both_ways_to_call_it() -> None:
    shown = CliRunner().invoke(space_command, ["--help"])
    assert "TRIAL.PY|SPACE.json|hub:NAME" in shown.output
    assert "convert" in shown.output
