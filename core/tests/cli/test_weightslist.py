"""The list of checkpoints: what it says of each, in which order, and how it fits a terminal."""

import json
import os
import re
import subprocess
import sys
import time

import pytest
from nascore.weights import DirectoryStore, TensorData


def tensors(number):
    return {"w": TensorData("U8", (4,), bytes([number]) * 4)}


@pytest.fixture
def made(tmp_path):
    """Four checkpoints: the second is best, the third has no accuracy, the fourth belongs to another experiment."""
    store = DirectoryStore(tmp_path / "store")
    first = store.put(tensors(0), trial=0, metrics={"accuracy": 0.5, "loss": 2.0}, architecture="aa")
    second = store.put(tensors(1), trial=1, parents=[first], metrics={"accuracy": 0.75, "loss": 3.0}, name="best")
    third = store.put(tensors(2), trial=2, metrics={"loss": 1.0})
    fourth = store.put(tensors(3), trial=3, experiment="other", metrics={"accuracy": 0.625}, name="best")
    store.close()
    return first, second, third, fourth


@pytest.fixture
def rows(invoke):
    def listed(*words):
        shown = invoke("weights", "ls", "--store", "store", "--json", *words)
        assert shown.exit_code == 0, shown.stderr
        return json.loads(shown.stdout)

    return listed


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--sort", "acuracy"], "no checkpoint has the metric `acuracy`"),
        (["--sort", "acuracy"], "Did you mean `accuracy`?"),
        (["--sort", "7"], "There are accuracy, loss."),
        (["--sort", "loss:down"], "`down` is not a direction"),
        (["--sort", ":min"], "--sort"),
        (["-n", "0"], "0 is too small"),
        (["-n", "many"], "`many` is not a whole number"),
    ],
)
def test_wrong_orders_are_refused(invoke, made, words, text):
    shown = invoke("weights", "ls", "--store", "store", *words)
    assert shown.exit_code == 2
    assert text in shown.stderr
    assert shown.stdout == ""


def test_each_checkpoint_says_what_it_was_measured_by(invoke, made, rows):
    first, second, *_ = rows()
    assert second == {
        "checkpoint": made[1],
        "experiment": "default",
        "trial": 1,
        "size": 4,
        "names": ["best"],
        "metrics": {"accuracy": 0.75, "loss": 3.0},
        "is_pinned": False,
        "committed_at": pytest.approx(time.time(), abs=600),
    }
    assert first["names"] == []
    shown = invoke("weights", "ls", "--store", "store").stdout.splitlines()
    assert shown[0].split() == ["checkpoint", "experiment", "trial", "accuracy", "loss", "size", "committed", "names"]
    assert without_time(shown[2]) == [made[1][:12], "default", "1", "0.75", "3", "4", "B", "best"]
    assert without_time(shown[4]) == [made[3][:12], "other", "3", "0.625", "4", "B", "other/best"]


def without_time(row):
    words = row.split()
    (at,) = [place for place, word in enumerate(words) if re.fullmatch(r"[0-9]{2}:[0-9]{2}", word)]
    assert re.fullmatch(r"[0-9]{2}-[0-9]{2}", words[at - 1])
    return [*words[: at - 1], *words[at + 1 :]]


def test_pinned_ones_say_so(invoke, made, rows):
    assert invoke("weights", "pin", made[2], "--store", "store").exit_code == 0
    assert [row["is_pinned"] for row in rows()] == [False, False, True, False]
    lines = invoke("weights", "ls", "--store", "store").stdout.splitlines()
    assert "kept" in lines[0]
    assert [line.count("pinned") for line in lines[1:]] == [0, 0, 1, 0]


def test_lists_of_a_server_say_the_same(invoke, made, rows, begin, tmp_path):
    process = begin("weights", "serve", "store", "--token-file", "token", "--address", "127.0.0.1:0")
    address = process.stdout.readline().split()[-1]
    shown = invoke("weights", "ls", "--server", address, "--token-file", "token", "--json")
    assert json.loads(shown.stdout) == rows()


def test_what_is_alike_for_all_has_no_column(invoke, made):
    heading, row = invoke("weights", "ls", "--store", "store", "--trial", "2").stdout.splitlines()
    assert heading.split() == ["checkpoint", "trial", "loss", "size", "committed"]
    assert without_time(row) == [made[2][:12], "2", "1", "4", "B"]


@pytest.mark.parametrize(
    ("words", "trials"),
    [
        ([], [0, 1, 2, 3]),
        (["--reverse"], [3, 2, 1, 0]),
        (["--reverse", "-n", "2"], [3, 2]),
        (["-n", "9"], [0, 1, 2, 3]),
        (["--sort", "accuracy"], [1, 3, 0, 2]),
        (["--sort", "accuracy", "--reverse"], [2, 0, 3, 1]),
        (["--sort", "loss:min", "-n", "2"], [2, 0]),
        (["--sort", "accuracy", "--experiment", "default", "-n", "1"], [1]),
        (["--experiment", "other"], [3]),
        (["--experiment", "none"], []),
        (["--experiment", "none", "--sort", "accuracy"], []),
    ],
)
def test_checkpoints_come_in_the_order_that_was_asked_for(made, rows, words, trials):
    assert [row["trial"] for row in rows(*words)] == trials


def test_metric_that_decides_the_order_comes_first(invoke, made):
    heading = invoke("weights", "ls", "--store", "store", "--sort", "loss:min").stdout.splitlines()[0]
    assert heading.split()[3:5] == ["loss", "accuracy"]


def test_checkpoint_of_two_experiments_has_in_each_its_names(tmp_path, rows):
    store = DirectoryStore(tmp_path / "store")
    one = store.put(tensors(0), trial=0, experiment="one", name="here")
    assert store.put(tensors(0), trial=0, experiment="two", name="there") == one
    store.close()
    assert [(row["checkpoint"], row["names"]) for row in rows()] == [(one, ["one/here"]), (one, ["two/there"])]


def test_checkpoint_that_is_damaged_does_not_hide_the_others(invoke, made, rows, tmp_path):
    manifest = tmp_path / "store" / "manifests" / f"{made[0]}.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"aa"', b'"ab"'))
    assert [row["checkpoint"] for row in rows()] == list(made)


def test_metric_steers_no_terminal(invoke, tmp_path):
    store = DirectoryStore(tmp_path / "store")
    store.put(tensors(0), trial=0, experiment="a\u009bb", metrics={"\x1b[31macc": 0.5, "size": 2.0}, name="n")
    store.put(tensors(1), trial=0)
    store.close()
    shown = invoke("weights", "ls", "--store", "store").stdout
    assert not {"\x1b", "\u009b"} & set(shown)
    assert shown.splitlines()[0].split() == [
        "checkpoint",
        "experiment",
        "trial",
        "[31macc",
        "size",
        "size",
        "committed",
        "names",
    ]


def on_terminal(environ, folder, width, *words):
    """Returns what ``nascore WORDS`` shows on a terminal so wide."""
    ours, theirs = os.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen:
        command = (sys.executable, "-m", "nascore", *words)
        more = {"COLUMNS": str(width), "TERM": "xterm"}
        done = subprocess.run(
            command, env=environ | more, cwd=folder, stdout=theirs, stderr=subprocess.PIPE, text=True, check=True
        )
        os.close(theirs)
        shown = b""
        try:
            while piece := screen.read(1 << 16):
                shown += piece
        except OSError:  # What Linux says at the end of a terminal.
            pass
    return re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).splitlines(), done.stderr


@pytest.mark.parametrize(("width", "left_out"), [(120, ""), (73, "memory"), (67, "loss, memory")])
def test_narrow_terminal_leaves_the_last_metrics_out(environ, tmp_path, width, left_out):
    store = DirectoryStore(tmp_path / "store")
    metrics = {"accuracy": 0.8125, "loss": 0.25, "memory": 123456.0}
    store.put(tensors(0), trial=0, metrics=metrics, name="a name that is much longer than others")
    store.close()
    lines, said = on_terminal(environ, tmp_path, width, "weights", "ls", "--store", "store")
    assert max(map(len, lines)) <= width, lines
    kept = [name for name in metrics if name not in left_out.split(", ")]
    assert [name for name in metrics if name in lines[0].split()] == kept
    assert "0.8125" in lines[2]
    assert (f"There is no room for {left_out}." in said) == bool(left_out)
