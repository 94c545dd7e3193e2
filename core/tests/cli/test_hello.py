import importlib
from pathlib import Path

import pytest
from nascore.cli.hello.command import read_example

EXAMPLE = Path(__file__).parents[3] / "examples" / "digits"


def test_the_project_is_the_example_byte_for_byte():
    tracked = {path.name: path.read_bytes() for path in EXAMPLE.iterdir() if path.is_file()}
    assert read_example() == tracked, "copy each file to core/src/nascore/cli/hello/digits/, with .txt after its name"


@pytest.mark.parametrize(("words", "folder"), [((), "digits"), (("my/first",), "my/first")])
def test_hello_writes_a_project_and_says_what_to_type_next(invoke, tmp_path, words, folder):
    shown = invoke("hello", *words)
    assert shown.exit_code == 0, shown.stderr
    for name, content in read_example().items():
        assert (tmp_path / folder / name).read_bytes() == content
    assert f"{folder}/trial.py" in shown.stdout
    assert f"cd {folder}" in shown.stderr
    assert "nascore run experiment.yaml" in shown.stderr


def test_hello_never_overwrites(invoke, tmp_path):
    (tmp_path / "digits").mkdir()
    (tmp_path / "digits" / "trial.py").write_text("mine")
    shown = invoke("hello")
    assert shown.exit_code == 2
    assert "digits already has trial.py; nothing was written" in shown.stderr
    assert "nascore hello digits-2" in shown.stderr
    assert [path.name for path in (tmp_path / "digits").iterdir()] == ["trial.py"]
    assert (tmp_path / "digits" / "trial.py").read_text() == "mine"


def test_what_the_example_lacks_is_named_with_the_command_that_brings_it(invoke, monkeypatch):
    module = importlib.import_module("nascore.cli.hello.command")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert "pip install nas-trial scikit-learn" in invoke("hello").stderr
