import pytest


@pytest.mark.parametrize("verb", ["run", "serve"])
def test_help_of_a_tuner_shows_its_own_options(invoke, verb):
    shown = invoke(verb, "--tuner", "toy", "--help").stdout
    assert "Settings of toy" in shown
    assert "--population-size" in shown
    assert "Number of architectures kept." in shown
    assert "50" in shown
    assert shown.index("Options") < shown.index("Settings of toy")
    assert "--population-size" not in invoke(verb, "--help").stdout


def test_the_tuner_may_come_from_the_environment(invoke, monkeypatch):
    monkeypatch.setenv("NASCORE_RUN_TUNER", "toy")
    assert "--population-size" in invoke("run", "--help").stdout


@pytest.fixture
def trial(tmp_path):
    (tmp_path / "trial.py").write_text("print('never run')\n")
    return "trial.py"


@pytest.mark.parametrize(
    ("words", "code", "texts"),
    [
        (["--tuner", "toyy"], 2, ["There is no tuner `toyy`.", "Did you mean `toy`?", "nascore tuners"]),
        (["--tuner", "zzz"], 2, ["There is no tuner `zzz`.", "Installed are"]),
        (["--tuner", "broken"], 1, ["a_module_that_nobody_has", "[PLUGIN_FAILED]"]),
        (["--tuner", "rgpc://x:1"], 2, ["unknown form", "grpc"]),
        (["--tuner", "grpc://x"], 2, ["grpc://HOST:PORT"]),
        (["--tuner", "grpc://192.0.2.1:9"], 1, ["not encrypted", "--insecure"]),
        (["--tuner", "exec:"], 2, ["names no program"]),
        (["--tuner", "toy", "--set", "populaton_size=3"], 2, ["no such setting", "population_size"]),
        (["--tuner", "toy", "--set", "population_size=0"], 2, ["greater than or equal to 1", "got 0"]),
        (["--tuner", "toy", "--population-size", "x"], 2, ["valid integer", "'x'"]),
        (["--tuner", "toy", "--population-sise", "3"], 2, ["No option", "Did you mean `--population-size`?"]),
        (["--tuner", "toy", "--set", "population_size"], 2, ["is not a setting", "key=value"]),
        (["--tuner", "toy", "--set", "end_after=1", "--set", "end_after=2"], 2, ["given twice"]),
        (["--tuner", "toy", "--set", "end_after=1", "--end-after", "2"], 2, ["`end_after` is given twice"]),
        (["--tuner", "toy", "--uniform", "pixels"], 2, ["decisions", "'pixels'"]),
    ],
)
def test_wrong_tuners_and_settings_are_refused_before_anything_begins(invoke, trial, tmp_path, words, code, texts):
    shown = invoke("run", trial, *words)
    assert shown.exit_code == code, shown.stderr
    for text in texts:
        assert text in shown.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("name", "content", "texts"),
    [
        ("none.py", None, ["There is no such file.", "none.py", "Did you mean"]),
        ("nowhere/trial.py", None, ["There is no such file.", "nascore hello"]),
        ("trial.txt", "x", ["neither a trial (.py) nor an experiment file"]),
        ("bad.py", "import x\ndef f(:\n", ["Not valid Python: invalid syntax.", "bad.py:2", "2 │ def f(:"]),
        ("empty.yaml", "", ["The file is empty."]),
        ("none.yaml", "seed: 1\n", ["There is no trial to run.", "nascore run trial.py"]),
        ("space.yaml", "trialFile: trial.py\nsearchSpaceFile: space.json\n", ["space.json", "[INVALID_SPACE]"]),
    ],
)
def test_wrong_files_are_refused_before_anything_begins(invoke, trial, tmp_path, name, content, texts):
    (tmp_path / "space.json").write_text("{")
    (tmp_path / "nona.py").write_text("")
    if content is not None:
        (tmp_path / name).write_text(content)
    shown = invoke("run", name, "--tuner", "toy")
    assert shown.exit_code == 2, shown.stderr
    for text in texts:
        assert text in shown.stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        (["--address", "0.0.0.0:0"], ["other machines could reach it", "certificate"]),
        (["--address", "nonsense"], ["address"]),
        (["--address", "unix:relative"], ["must be absolute"]),
        (["--tls-cert", "trial.py"], ["--tls-cert and --tls-key belong together"]),
        (["--space", "none.json"], ["--space", "none.json"]),
    ],
)
def test_wrong_addresses_are_refused_and_leave_nothing(invoke, trial, tmp_path, words, texts):
    shown = invoke("serve", "--tuner", "toy", *words)
    assert shown.exit_code == 2, shown.stderr
    for text in texts:
        assert text in shown.stderr
    assert not list((tmp_path / "home").glob("experiments/*"))
