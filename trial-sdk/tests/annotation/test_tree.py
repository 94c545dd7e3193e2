"""Folders: what is compiled, what is copied, what is left out, and what is never written over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from nas_trial_plugin.annotation import MANIFEST, AnnotationError, check_target, read_tree
from nas_trial_plugin.plugin import nascore_commands
from nascore.errors import InvalidInputError, NotFoundError, StateError
from nascore.space import SearchSpace

ANNOTATED = 'def f():\n    """@nni.mutable_layers({layer_choice: [g(a=1), h], layer_output: out})"""\n    return out\n'


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "src"
    for name, content in {
        "trial.py": "import nets.net\n",
        "nets/__init__.py": "",
        "nets/net.py": ANNOTATED,
        "nets/deep/more.py": ANNOTATED,
        "data/table.csv": "1,2\r\n",
        "run.sh": "#!/bin/sh\n",
        ".git/config": "x",
        ".hidden.py": "x = (",
        "nets/__pycache__/net.pyc": "x",
    }.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode())
    (folder / "run.sh").chmod(0o755)
    return folder


def compile_(*arguments: object, fails: bool = False):
    done = CliRunner().invoke(nascore_commands()["compile"], [str(word) for word in arguments])
    if fails:
        assert done.exception is not None
        raise done.exception
    assert done.exception is None, done.exception
    return done


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_is_compiled_as_a_whole(source: Path, tmp_path: Path) -> None:
    done = compile_(source, "-o", tmp_path / "out")
    made = files(tmp_path / "out")
    same = {"trial.py", "nets/__init__.py", "data/table.csv", "run.sh"}
    assert set(made) == {*same, "nets/net.py", "nets/deep/more.py", "search_space.json", MANIFEST}
    assert all(made[name] == (source / name).read_bytes() for name in same)
    assert (tmp_path / "out/run.sh").stat().st_mode & 0o111
    space = SearchSpace.from_json(made["search_space.json"].decode())
    assert [node.label for node in space.nodes] == ["nets.deep.more.f:out", "nets.net.f:out"]
    assert "7 files, 2 annotations compiled" in done.stderr
    assert "2 decisions, 4 architectures" in done.stderr


def test_compiling_again_gives_the_same_and_takes_away_what_is_gone(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    compile_(source, "-o", out)
    first = files(out)
    compile_(source, "-o", out)
    assert files(out) == first
    (source / "data/table.csv").unlink()
    (source / "trial.py").write_text("x = 1\n")
    compile_(source, "-o", out)
    assert not (out / "data/table.csv").exists()
    assert (out / "trial.py").read_text() == "x = 1\n"


def test_what_others_wrote_is_never_written_over(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "trial.py").write_text("mine")
    with pytest.raises(StateError, match=r"trial\.py is there already"):
        compile_(source, "-o", out, fails=True)
    assert files(out) == {"trial.py": b"mine"}


def test_what_was_changed_since_is_never_written_over(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    compile_(source, "-o", out)
    (out / "nets/net.py").write_text("mine")
    (source / "nets/net.py").write_text(ANNOTATED.replace("a=1", "a=2"))
    with pytest.raises(StateError, match=r"net\.py was changed since"):
        compile_(source, "-o", out, fails=True)
    assert (out / "nets/net.py").read_text() == "mine"


def test_a_manifest_that_names_files_elsewhere_removes_none(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    compile_(source, "-o", out)
    (tmp_path / "precious").write_text("x")
    digests = json.loads((out / MANIFEST).read_text())
    (out / MANIFEST).write_text(json.dumps(digests | {"../precious": "0", str(tmp_path / "precious"): "0"}))
    compile_(source, "-o", out)
    assert (tmp_path / "precious").exists()


def test_nothing_is_written_where_anything_is_wrong(source: Path, tmp_path: Path) -> None:
    (source / "nets/net.py").write_text(ANNOTATED.replace("g(a=1)", "g(1)"))
    with pytest.raises(AnnotationError) as caught:
        compile_(source, "-o", tmp_path / "out", fails=True)
    assert caught.value.violations[0].field == f"{source / 'nets/net.py'}:2:46"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("target", [".", "..", "nets/out", "nets"])
def test_writing_into_what_is_read_is_refused(source: Path, target: str) -> None:
    before = files(source)
    with pytest.raises(InvalidInputError, match="Name"):
        check_target(read_tree(source), source / target)
    assert files(source) == before


def test_a_file_beside_its_output_is_compiled(source: Path) -> None:
    compile_(source / "nets/net.py", "-o", source / "nets/out")
    assert set(files(source / "nets/out")) == {"net.py", "search_space.json", MANIFEST}


def test_a_folder_is_not_compiled_twice_because_its_output_is_in_it(source: Path) -> None:
    compile_(source / "nets/net.py", "-o", source / "out")
    assert "out/net.py" not in read_tree(source).python


def test_what_is_missing_or_of_another_kind_is_named(source: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="absent"):
        read_tree(source / "absent")
    with pytest.raises(InvalidInputError, match="no Python file"):
        read_tree(source / "data/table.csv")
    with pytest.raises(InvalidInputError, match="no Python file in"):
        read_tree(source / "data")
    with pytest.raises(InvalidInputError, match="is a file"):
        check_target(read_tree(source / "trial.py"), source / "run.sh")


def test_json_says_what_was_done(source: Path, tmp_path: Path) -> None:
    (source / "nets/net.py").write_text(ANNOTATED.replace("h]", "h, h()]"))
    done = compile_(source, "-o", tmp_path / "out", "--lenient", "--json")
    document = json.loads(done.stdout)
    assert document["annotations"] == {"nets/deep/more.py": 1, "nets/net.py": 1}
    assert document["search_space"] == str(tmp_path / "out/search_space.json")
    assert document["forgiven"] == [
        {
            "file": str(source / "nets/net.py"),
            "line": 2,
            "column": 55,
            "field": "layer_choice",
            "message": "h() stands twice.",
            "read_as": "It is read once.",
        }
    ]
    assert "forgiven: " in done.stderr


def test_an_architecture_makes_code_that_runs_alone(source: Path, tmp_path: Path) -> None:
    chosen = tmp_path / "arch.json"
    chosen.write_text('{"nets.net.f:out": "h()", "nets.deep.more.f:out": "g(a=1)"}')
    compile_(source, "-o", tmp_path / "alone", "--architecture", chosen)
    made = files(tmp_path / "alone")
    assert b"out = h([[], []])" in made["nets/net.py"]
    assert b"out = g([[], []], a=1)" in made["nets/deep/more.py"]
    assert "search_space.json" not in made
    assert b"nas_" not in b"".join(made.values())
