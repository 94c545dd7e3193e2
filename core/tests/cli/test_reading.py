"""The verbs that read: ls, show, trials, best, logs, export, tuners."""

import csv
import json
import shutil
import signal
import time

import pytest
from nascore.cli.logs import split_words
from nascore.cli.request import Isolation
from nascore.cli.runfile import RunFile
from nascore.record import Direction, Failure, FailureKind, Objective, Outcome, OutcomeStatus


def succeeded(**metrics):
    return Outcome(OutcomeStatus.COMPLETED, metrics=metrics)


def failed(message):
    return Outcome(OutcomeStatus.FAILED, failure=Failure(FailureKind.EXCEPTION, message, "Traceback"))


OUTCOMES = (
    succeeded(accuracy=0.5, loss=2.0),
    succeeded(accuracy=0.9, loss=1.0),
    failed("ValueError: too wide\nsecond line"),
    succeeded(accuracy=0.7, loss=0.5),
)


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def kept(keep, home, tmp_path_factory):
    """An experiment with four trials, made once and copied for every test."""
    made = tmp_path_factory.getbasetemp() / "kept-experiment"
    if not made.exists():
        keep(OUTCOMES)
        home.rename(made)
    shutil.copytree(made, home)
    return next((home / "experiments").iterdir()).name


@pytest.mark.parametrize(
    "words", [["show"], ["trials"], ["best"], ["logs"], ["export"], ["pause"], ["stop"], ["resume"]]
)
def test_without_experiments_every_verb_says_so(invoke, words):
    shown = invoke(*words)
    assert shown.exit_code == 1
    assert "There is no experiment 'last'" in shown.stderr
    assert "There are none yet." in shown.stderr
    assert "[NOT_FOUND]" in shown.stderr


def test_an_empty_home_is_no_error_for_ls(invoke):
    assert invoke("ls").exit_code == 0
    assert "nascore hello" in invoke("ls").stderr
    assert json.loads(invoke("ls", "--json").stdout) == []


def test_ls_shows_every_experiment_newest_first(invoke, keep, kept):
    second = keep((), name="second")
    rows = invoke("ls").stdout.splitlines()
    assert [row.split()[0] for row in rows] == ["id", second, kept]
    assert "4/50" in rows[2]
    assert "interrupted" in rows[2]
    documents = json.loads(invoke("ls", "--json").stdout)
    assert [document["id"] for document in documents] == [second, kept]
    assert documents[1]["is_held"] is False


@pytest.mark.parametrize("identifier", ["last", "kept", "ID", "PREFIX"])
def test_an_experiment_is_found_by_id_prefix_name_and_last(invoke, kept, identifier):
    asked = {"ID": kept, "PREFIX": kept[:4]}.get(identifier, identifier)
    shown = invoke("show", asked)
    assert shown.exit_code == 0, shown.stderr
    assert kept in shown.stdout


def test_a_wrong_name_is_answered_with_the_right_one(invoke, kept):
    shown = invoke("show", "kepp")
    assert shown.exit_code == 1
    assert "Did you mean 'kept'?" in shown.stderr


def test_show_says_how_faithfully_the_tuner_goes_on_after_a_crash(invoke, kept):
    assert "after a crash  L" in invoke("show").stdout
    assert "deterministic replay" in invoke("show").stdout


def test_show_says_all_there_is_to_say(invoke, kept, home):
    shown = invoke("show").stdout
    for text in ("toy", "accuracy:max", "50 trials", "114 architectures", "3 succeeded, 1 failed", "trial 1", "seed"):
        assert text in shown
    assert str(home / "experiments" / kept) in shown
    document = json.loads(invoke("show", "--json").stdout)
    assert document["best"][0]["metrics"] == {"accuracy": 0.9, "loss": 1.0}
    assert document["state_text"] == "interrupted"


def test_trials_are_filtered_sorted_and_cut(invoke, kept):
    def numbers(*words):
        return [trial["number"] for trial in json.loads(invoke("trials", *words, "--json").stdout)]

    assert numbers() == [0, 1, 2, 3]
    assert numbers("--state", "failed") == [2]
    assert numbers("--sort", "accuracy") == [1, 3, 0, 2]
    assert numbers("--sort", "accuracy", "--reverse") == [2, 0, 3, 1]
    assert numbers("--sort", "accuracy", "-n", "2") == [1, 3]
    assert numbers("--sort", "number", "-n", "1") == [0]


def test_a_metric_to_be_small_is_sorted_smallest_first(invoke, keep):
    keep(OUTCOMES, objectives=(Objective("loss", Direction.MINIMIZE),))
    sorted_by_loss = json.loads(invoke("trials", "--sort", "loss", "--json").stdout)
    assert [trial["number"] for trial in sorted_by_loss] == [3, 1, 0, 2]
    assert json.loads(invoke("best", "--json").stdout)[0]["number"] == 3


def test_the_table_of_trials_names_the_failure(invoke, kept):
    shown = invoke("trials").stdout
    assert "ValueError: too wide" in shown
    assert "second line" not in shown
    assert "op=conv" in shown


def test_a_metric_that_no_trial_has_is_refused(invoke, kept):
    shown = invoke("trials", "--sort", "acuracy")
    assert shown.exit_code == 2
    assert "no trial has the metric `acuracy`" in shown.stderr
    assert "Did you mean `accuracy`?" in shown.stderr


def test_best_is_the_best_and_has_its_decisions(invoke, kept):
    shown = invoke("best").stdout
    assert "0.9" in shown
    assert "width" in shown
    assert [trial["number"] for trial in json.loads(invoke("best", "-n", "2", "--json").stdout)] == [1, 3]


def test_the_pareto_front_is_whole(invoke, keep):
    objectives = (Objective("accuracy"), Objective("loss", Direction.MINIMIZE))
    keep(OUTCOMES, objectives=objectives)
    front = json.loads(invoke("best", "--pareto", "--json").stdout)
    assert sorted(trial["number"] for trial in front) == [1, 3]
    assert [trial["number"] for trial in json.loads(invoke("best", "-n", "3", "--json").stdout)] == [1, 3, 0]


def test_nothing_is_best_before_a_trial_succeeded(invoke, keep):
    keep([failed("x")])
    assert invoke("best").exit_code == 0
    assert "No trial of" in invoke("best").stderr
    assert invoke("export", "--best").exit_code == 1


def test_the_best_architecture_is_exported_as_plain_json(invoke, kept, tmp_path):
    assert set(json.loads(invoke("export", "--best").stdout)) == {"op", "width"}
    written = invoke("export", "last", "--best", "-o", "best.json")
    assert (written.stdout, "Wrote best.json" in written.stderr) == ("", True)
    assert json.loads((tmp_path / "best.json").read_text()) == json.loads(invoke("export", "--trial", "1").stdout)


def test_all_trials_are_exported_as_json_and_csv(invoke, kept):
    document = json.loads(invoke("export").stdout)
    assert document["experiment"]["id"] == kept
    assert len(document["trials"]) == 4
    rows = list(csv.DictReader(invoke("export", "--format", "csv").stdout.splitlines()))
    assert [row["accuracy"] for row in rows] == ["0.5", "0.9", "", "0.7"]
    assert rows[1]["decision:op"] in ("conv3", "conv5")


def test_no_cell_of_the_csv_is_a_formula(invoke, keep):
    keep([failed("=cmd|' /C calc'!A0")])
    assert ",'=cmd" in invoke("export", "--format", "csv").stdout


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["--trial", "9"], 1, "has no trial 9"),
        (["--best", "--trial", "1"], 2, "cannot be given together"),
        (["--format", "xml"], 2, "--format"),
        (["--best", "-o", "no/such/folder.json"], 1, "No such file or directory"),
    ],
)
def test_wrong_exports_say_why(invoke, kept, words, code, text):
    shown = invoke("export", *words)
    assert shown.exit_code == code
    assert text in shown.stderr


def test_model_code_without_the_sdk_says_what_to_install(invoke, kept, monkeypatch):
    monkeypatch.setenv("NASCORE_PLUGINS", "toy")
    shown = invoke("export", "--code", "model.py")
    assert shown.exit_code == 1
    assert "pip install nas-trial" in shown.stderr
    shown = invoke("export", "--onnx", "model.onnx")
    assert shown.exit_code == 1
    assert "pip install 'nas-trial[onnx]'" in shown.stderr


def test_model_code_of_a_search_that_was_served_needs_the_trial_file(invoke, kept, home, tmp_path):
    pytest.importorskip("nas_trial", reason="needs the package nas-trial, which writes models")
    run = RunFile("", (), parallel=0, isolation=Isolation.FORK, tuner="toy", python="", cwd=str(tmp_path))
    run.write(home / "experiments" / kept)
    refused = invoke("export", "--code", "model.py")
    assert refused.exit_code == 1
    assert "its trial's file is not known here" in refused.stderr.replace("\n", " ")
    assert "--trial-file trial.py" in refused.stderr
    (tmp_path / "trial.py").write_text("raise SystemExit('this was read')")
    assert "this was read" in invoke("export", "--code", "model.py", "--trial-file", "trial.py").stderr


def test_logs_of_workers_and_trials(invoke, kept, home):
    logs = home / "experiments" / kept / "logs"
    (logs / "worker-0.log").write_text("one\ntwo\nno end")
    (logs / "worker-10.log").write_text("ten\n")
    (logs / "trial-3.log").write_text("three\n")
    assert invoke("logs", "3").stdout == "three\n"
    assert invoke("logs", "kept", "worker-0").stdout == "one\ntwo\nno end\n"
    assert (
        invoke("logs", "-f").stdout == "==> worker-0 <==\none\ntwo\n==> worker-10 <==\nten\n==> worker-0 <==\nno end\n"
    )
    lines = [json.loads(line) for line in invoke("logs", "3", "--json").stdout.splitlines()]
    assert lines == [{"source": "trial-3", "line": "three"}]
    wrong = invoke("logs", "worker-1")
    assert wrong.exit_code == 2
    assert "worker-1 wrote nothing yet" in wrong.stderr
    assert "Did you mean" in wrong.stderr


def test_logs_without_a_word_of_a_worker_name_the_trials_that_wrote(invoke, kept, home):
    logs = home / "experiments" / kept / "logs"
    assert "Nothing was written yet. Workers on other machines write to their own output" in invoke("logs").stderr
    (logs / "worker-0.log").touch()
    (logs / "trial-2.log").touch()
    (logs / "trials-worker-0.log").touch()
    assert "Nothing was written yet." in invoke("logs").stderr
    (logs / "trial-10.log").write_text("ten\n")
    (logs / "trials-worker-0.log").write_text("--- trial 3, attempt 0, 2026-01-02 03:04:05 ---\nthree\n")
    shown = invoke("logs")
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert "but 2 trials did: `nascore logs 10` prints the last" in shown.stderr
    assert "wrote nothing" not in invoke("logs", "10").stderr
    (logs / "worker-0.log").write_text("ready\n")
    assert invoke("logs").stderr == ""


def test_the_words_of_logs_are_an_experiment_a_trial_or_both():
    assert split_words(()) == ("last", "")
    assert split_words(("12",)) == ("last", "12")
    assert split_words(("worker-0",)) == ("last", "worker-0")
    assert split_words(("abc",)) == ("abc", "")
    assert split_words(("abc", "3")) == ("abc", "3")


def test_files_never_leave_the_folder_of_logs(invoke, kept):
    assert invoke("logs", "last", "../log.db").exit_code == 2


def test_tuners_lists_good_and_broken_ones_with_settings(invoke):
    shown = invoke("tuners").stdout
    assert "toy  ok  toy-tuner 0.1" in shown
    assert "Draws architectures at random." in shown
    assert "L0 · function of history" in shown or "L1 · deterministic replay" in shown
    assert "population_size" in shown
    assert "Number of architectures kept." in shown
    assert "broken  import error" in shown
    assert "a_module_that_nobody_has" in shown
    documents = {document["name"]: document for document in json.loads(invoke("tuners", "--json").stdout)}
    assert documents["toy"]["settings"][0]["default"] == "50"
    assert documents["broken"]["state"] == "import error"


def test_one_tuner_by_name(invoke):
    assert [document["name"] for document in json.loads(invoke("tuners", "toy", "--json").stdout)] == ["toy"]
    wrong = invoke("tuners", "toyy")
    assert wrong.exit_code == 2
    assert "Did you mean `toy`?" in wrong.stderr


def test_text_of_a_trial_is_never_taken_for_markup(invoke, keep):
    keep([failed("[red]no[/red] :smile: inputs=[stem]")], name="[bold]x[/bold]")
    assert "[red]no[/red] :smile: inputs=[stem]" in invoke("trials").stdout
    assert "[bold]x[/bold]" in invoke("ls").stdout
    assert "[bold]x[/bold]" in invoke("show").stdout


def test_no_line_in_a_pipe_ends_with_spaces(invoke, kept):
    for verb in ("ls", "show", "trials", "best", "tuners"):
        lines = invoke(verb).stdout.splitlines()
        assert lines == [line.rstrip() for line in lines]


def test_ls_says_the_best_value_so_far(invoke, keep, kept):
    keep(OUTCOMES, name="two", objectives=(Objective("accuracy"), Objective("loss", Direction.MINIMIZE)))
    shown = invoke("ls").stdout.splitlines()
    assert "front of 2" in shown[1]
    assert "accuracy 0.9" in shown[2]
    assert json.loads(invoke("ls", "--json").stdout)[1]["best"][0]["metrics"]["accuracy"] == 0.9


def test_a_damaged_log_is_named_and_hides_no_other(invoke, keep, kept, home):
    (home / "experiments" / "damaged2").mkdir()
    (home / "experiments" / "damaged2" / "log.db").write_text("not a database, whatever it is called " * 9)
    listed = invoke("ls")
    assert kept in listed.stdout
    assert "damaged2 is left out" in listed.stderr
    shown = invoke("show", "damaged2")
    assert shown.exit_code == 1
    assert "[DATA_LOSS]" in shown.stderr
    assert invoke("show", kept).stderr == ""


def test_lines_of_trials_stay_short_in_a_pipe(invoke, kept):
    assert max(map(len, invoke("trials").stdout.splitlines())) <= 120


def test_what_has_ended_is_not_said_to_be_stopped(invoke, experiment_file):
    assert invoke("run", str(experiment_file), "--trials", "1", "-q").exit_code == 0
    shown = invoke("stop")
    assert shown.exit_code == 0
    assert "has ended already: finished: all trials are done" in shown.stdout


def test_several_objectives_are_refused_at_once_by_a_tuner_for_one(invoke, experiment_file):
    words = ("--tuner", "evolution", "--objective", "accuracy", "--objective", "latency:min")
    refused = invoke("run", str(experiment_file), *words)
    assert refused.exit_code == 1
    assert "optimises at most 1 of the 2 objectives accuracy, latency" in refused.stderr
    assert json.loads(invoke("ls", "--json").stdout) == []


def test_a_folder_is_not_run(invoke, tmp_path):
    refused = invoke("run", str(tmp_path))
    assert refused.exit_code == 2
    assert "This is a folder" in refused.stderr
    assert "trial.py" in refused.stderr


def test_a_home_that_cannot_be_made_says_where_to_put_it(invoke, experiment_file, tmp_path):
    (tmp_path / "file").write_text("")
    refused = invoke("--home", str(tmp_path / "file" / "home"), "run", str(experiment_file))
    assert refused.exit_code == 2
    assert "NASCORE_HOME" in refused.stderr


def test_followed_logs_show_trials_that_begin_later(begin, invoke, experiment_file, home):
    search = begin("run", str(experiment_file), TOY="slow")
    end = time.monotonic() + 60
    # Once both workers are at a trial, neither says any more.
    while sum("begins" in log.read_text() for log in home.glob("experiments/*/logs/worker-*")) < 2:
        assert time.monotonic() < end, "no two workers began"
        time.sleep(0.05)
    logs = next((home / "experiments").iterdir()) / "logs"
    (logs / "trial-9.log").write_text("this one is over\n")
    (logs / "worker-9.log").write_text("ready\n")
    followed = begin("logs", "-f")
    read = iter(followed.stdout.readline, "")
    assert "ready\n" in read
    (logs / "trial-7.log").write_text("hello from seven\n")
    assert next(read) == "==> trial-7 <==\n"
    assert next(read) == "hello from seven\n"
    search.send_signal(signal.SIGTERM)
    search.communicate(timeout=60)
    assert "this one is over" not in followed.communicate(timeout=60)[0]
