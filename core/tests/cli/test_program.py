import os
import subprocess
import sys

import pytest
from nascore.cli.catalogue import BUILT_IN, LazyCommand

PROGRAM = (sys.executable, "-c", "from nascore.cli import main; main()")


def test_help_names_every_command_and_where_to_begin(invoke):
    shown = invoke("--help")
    assert shown.exit_code == 0
    for name, entry in BUILT_IN.items():
        assert name in shown.stdout
        assert entry.summary in shown.stdout
    assert "nascore hello" in shown.stdout
    assert "NASCORE_RUN_TRIALS" in shown.stdout


def test_no_arguments_are_answered_with_the_help(invoke):
    assert invoke().stdout == invoke("--help").stdout


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_command_has_help_that_begins_with_its_summary(invoke, name):
    shown = invoke(name, "--help")
    assert shown.exit_code == 0, shown.stderr
    command = LazyCommand(name, BUILT_IN[name]).load()
    assert command.name == name
    assert (command.help or "").startswith(BUILT_IN[name].summary)


def test_help_imports_neither_grpc_nor_pydantic_nor_the_engine():
    code = (
        "import sys\nfrom nascore.cli.program import program\n"
        "try: program.main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'grpc', 'pydantic', 'numpy', 'torch', 'asyncio', 'nascore.experiment'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        (["rnu"], ["No command `rnu`.", "Did you mean `run`?"]),
        (["zzz"], ["No command `zzz`.", "See `nascore --help`."]),
        (["--vresion"], ["No option `--vresion`.", "Did you mean `--version`?"]),
        (["run", "t.py", "--trails", "3"], ["No option `--trails`.", "Did you mean `--trials`?"]),
        (["run"], ["Missing argument", "See `nascore run --help`."]),
        (["run", "t.py", "--trials", "0"], ["--trials: 0 is too small; the smallest is 1"]),
        (["run", "t.py", "--duration", "24x"], ["--duration: `24x` is not a duration", "1h30m"]),
        (["run", "t.py", "--objective", "a:up"], ["--objective: `up` is not a direction.", "accuracy:max"]),
        (["run", "t.py", "--gpus", "x"], ["--gpus: `x` is not a list of GPUs.", "0,1"]),
        (["run", "t.py", "--isolation", "maybe"], ["--isolation", "'fork', 'none'"]),
        (["trials", "--state", "done"], ["--state", "'succeeded'"]),
    ],
)
def test_wrong_usage_says_what_and_how_to_mend_it(invoke, words, texts):
    shown = invoke(*words)
    assert shown.exit_code == 2
    assert shown.stdout == ""
    for text in [*texts, "[WRONG_USAGE]"]:
        assert text in shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_command_of_a_package_that_is_not_installed_names_the_package(invoke, monkeypatch):
    monkeypatch.setattr("nascore.cli.program.plugin_packages", dict)
    shown = invoke("space", "trial.py")
    assert shown.exit_code == 2
    assert "`space` comes with the package nas-trial." in shown.stderr
    assert "pip install nas-trial" in shown.stderr


def test_a_broken_plugin_is_listed_and_breaks_only_its_own_command(invoke):
    assert "broken-command" in invoke("--help").stdout
    shown = invoke("broken-command")
    assert shown.exit_code == 1
    assert "broken-command (toy-tuner 0.1) cannot be used" in shown.stderr
    assert "a_module_that_nobody_has" in shown.stderr
    assert "[PLUGIN_FAILED]" in shown.stderr


def test_a_traceback_is_shown_only_with_debug(invoke):
    assert "Traceback" not in invoke("show", "nothing").stderr
    assert "Traceback" in invoke("show", "nothing", "--debug").stderr
    assert "Traceback" in invoke("--debug", "show", "nothing").stderr


def test_a_defect_of_nascore_is_called_one(invoke, monkeypatch):
    def fail(_):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("nascore.cli.source.LocalRecords.list", fail)
    shown = invoke("ls")
    assert shown.exit_code == 1
    assert "ZeroDivisionError: division by zero" in shown.stderr
    assert "[INTERNAL]" in shown.stderr


def test_options_come_from_the_environment(invoke, monkeypatch):
    monkeypatch.setenv("NASCORE_RUN_TRIALS", "many")
    assert "--trials: `many` is not a whole number" in invoke("run", "t.py").stderr


def test_colour_is_only_for_terminals(nascore):
    assert "\x1b[" not in nascore("--help").stdout + nascore("rnu").stderr


def test_a_closed_pipe_is_silent(environ):
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run((*PROGRAM, "--help"), env=environ, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (ran.stderr, ran.returncode) == (b"", 0)


def test_version_names_what_matters_in_a_report(invoke):
    shown = invoke("--version")
    assert shown.exit_code == 0
    assert "nascore 0.1" in shown.stdout
    assert "Python" in shown.stdout
