"""``nascore import nni``: both versions of NNI's experiment files become one of ours that can be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from nascore.cli.experimentfile import read_experiment_file
from nascore.cli.importing import command
from nascore.cli.importing.nniexperiment import read_nni_experiment
from nascore.errors import NascoreError, SettingsError, SpaceError
from nascore.record import Direction, Objective
from nascore.space import SearchSpace

VERSION_1 = """\
authorName: me
experimentName: mnist
trialConcurrency: 2
maxExecDuration: 1h
maxTrialNum: 10
# choice: local, remote, pai
trainingServicePlatform: local
searchSpacePath: search_space.json
useAnnotation: false
tuner:
  builtinTunerName: Random
  classArgs:
    optimize_mode: minimize
assessor:
  builtinAssessorName: Medianstop
trial:
  command: python3 mnist.py --epochs 2
  codeDir: code
  gpuNum: 0
"""
VERSION_2 = """\
experimentName: mnist
searchSpaceFile: search_space.json
trialCommand: ./train.sh
trialCodeDirectory: code
trialGpuNumber: 1
trialConcurrency: 2
maxExperimentDuration: 24h
maxTrialNumber: 10
tuner:
  name: Random
  classArgs:
    optimize_mode: maximize
    seed: 7
trainingService:
  platform: local
  useActiveGpu: true
  gpuIndices: [0, 1]
"""
SPACE = '{"lr": {"_type": "loguniform", "_value": [0.001, 0.1]}}'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "search_space.json").write_text(SPACE)
    file = tmp_path / "config.yml"
    file.write_text(VERSION_1)
    return file


def run(*words: object) -> Result:
    return CliRunner().invoke(command, ["nni", *map(str, words)], catch_exceptions=False, standalone_mode=False)


def fault(config: Path, text: str) -> NascoreError:
    config.write_text(text)
    with pytest.raises(NascoreError) as caught:
        run(config)
    assert not (config.parent / "experiment.yaml").exists()
    return caught.value


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("maxTrialNum:", "maxTrailNum:", 5, "Did you mean `maxTrialNum"),
        ("trialConcurrency: 2", "trialConcurrency: two", 3, "wanted a whole number"),
        ("trialConcurrency: 2", "trialConcurrency: 0", 3, "not above 0"),
        ("maxExecDuration: 1h", "maxExecDuration: long", 4, "not a duration"),
        ("maxTrialNum: 10", "maxTrialNum: 10\nmaxTrialNumber: 10", 6, "says again what `maxTrialNum` says"),
        ("codeDir: code", "codeDir: cod", 18, "there is no"),
        ("codeDir:", "codeDri:", 18, "Did you mean `codeDir`"),
        ("search_space.json", "space.json", 8, "there is no"),
        ("builtinTunerName: Random", "builtinTunerName: Rndom", 11, "Did you mean `random"),
        ("builtinTunerName: Random", "builtinTunerName: NetworkMorphism", 11, "--tuner"),
        ("builtinTunerName: Random", "className: MyTuner", 11, "--tuner NAME"),
        ("builtinTunerName:", "builtinTunrName:", 11, "Did you mean `builtinTunerName`"),
        ("optimize_mode: minimize", "optimize_mode: fewer", 13, "no direction"),
    ],
)
def test_a_mistake_is_said_with_its_line(config: Path, old: str, new: str, line: int, message: str) -> None:
    error = fault(config, VERSION_1.replace(old, new))
    wheres = [getattr(error, "where", ""), *(violation.field for violation in error.violations)]
    assert f"{config}:{line}" in wheres
    assert message in " ".join([str(error), *map(str, error.violations)])


def test_all_mistakes_are_listed_in_one_run(config: Path) -> None:
    error = fault(config, VERSION_1.replace("maxTrialNum", "maxTrails").replace("gpuNum", "gpus"))
    assert isinstance(error, SettingsError)
    assert [violation.field for violation in error.violations] == [f"{config}:5", f"{config}:19"]


@pytest.mark.parametrize("text", ["", "just text", "- a\n- b\n", "a: [\n", "trialConcurrency: 1\n"])
def test_what_is_no_experiment_file_is_refused(config: Path, text: str) -> None:
    fault(config, text)


def test_a_wrong_search_space_is_refused_with_its_file_and_place(config: Path) -> None:
    (config.parent / "search_space.json").write_text(SPACE.replace("loguniform", "normal"))
    with pytest.raises(SpaceError, match=r"search_space\.json: .*1:18 lr\._type: .*uniform"):
        run(config)


def test_version_1_becomes_an_experiment_file_and_a_space_file_of_ours(config: Path) -> None:
    done = run(config)
    target = config.parent / "experiment.yaml"
    assert done.stdout.splitlines() == [str(target), str(config.parent / "experiment.space.json")]
    request = read_experiment_file(target)
    assert (request.name, request.parallel, request.trials, request.duration_s) == ("mnist", 2, 10, 3600)
    assert request.trial_command == ("python3", "-m", "nas_trial.nni", "mnist.py", "--epochs", "2")
    assert (request.folder, request.gpus, request.tuner) == (config.parent / "code", (), "random")
    assert request.objectives == (Objective("default", Direction.MINIMIZE),)
    assert request.space_file == config.parent / "experiment.space.json"
    assert [info.path for info in SearchSpace.from_json(request.space_file.read_text()).decisions] == ["lr"]


def test_what_is_not_carried_over_is_listed_with_its_line(config: Path) -> None:
    told = run(config).stderr
    assert "line 1: authorName" in told
    assert "line 14: assessor" in told
    assert "trainingServicePlatform" not in told


def test_version_2_becomes_an_experiment_file(config: Path) -> None:
    config.write_text(VERSION_2)
    told = run(config, "-o", config.parent / "code" / "mine.yaml").stderr
    request = read_experiment_file(config.parent / "code" / "mine.yaml")
    assert (request.trial_command, request.gpus, request.seed) == (("./train.sh",), ("0", "1"), 7)
    assert (request.folder, request.duration_s) == (config.parent / "code", 24 * 3600)
    assert request.space_file == config.parent / "code" / "mine.space.json"
    assert "line 16: trainingService.useActiveGpu" in told


def test_a_search_space_within_the_file_is_written_beside_it(config: Path) -> None:
    config.write_text(VERSION_2.replace("searchSpaceFile: search_space.json", f"searchSpace: {json.loads(SPACE)}"))
    run(config)
    written = SearchSpace.from_json((config.parent / "experiment.space.json").read_text())
    assert [info.path for info in written.decisions] == ["lr"]


def test_a_wrong_search_space_within_the_file_is_refused_with_its_line(config: Path) -> None:
    error = fault(config, VERSION_2.replace("searchSpaceFile: search_space.json", "searchSpace: {lr: {_type: choise}}"))
    assert f"{config}:2" in str(error)


def test_settings_that_our_tuner_has_are_kept_and_others_listed(config: Path) -> None:
    config.write_text(
        VERSION_1.replace("Random", "Evolution").replace("minimize", "minimize\n    population_size: 8\n    x: 1")
    )
    told = run(config).stderr
    request = read_experiment_file(config.parent / "experiment.yaml")
    assert request.tuner == "regularized-evolution"
    assert request.settings == {"population_size": 8, "sample_size": 2}
    assert "tuner.classArgs.x" in told
    assert "2 is written, a quarter of the population" in " ".join(told.split())


def test_a_tuner_without_counterpart_is_chosen_by_name_only(config: Path) -> None:
    config.write_text(VERSION_1.replace("Random", "NetworkMorphism"))
    told = run(config, "--tuner", "random").stderr
    assert "--tuner random takes its place" in told
    assert read_experiment_file(config.parent / "experiment.yaml").tuner == "random"


def test_without_a_tuner_it_is_said_which_one_is_used(config: Path) -> None:
    start, end = VERSION_1.index("tuner:"), VERSION_1.index("assessor:")
    config.write_text(VERSION_1[:start] + VERSION_1[end:])
    assert "`random` is used" in run(config).stderr.replace("\n", " ")


def test_annotated_code_is_to_be_compiled_first(config: Path) -> None:
    config.write_text(
        VERSION_1.replace("useAnnotation: false", "useAnnotation: true").replace(
            "searchSpacePath: search_space.json\n", ""
        )
    )
    imported = read_nni_experiment(config)
    assert imported.space is None
    assert imported.keys["trialFile"] == str(config.parent / "code" / "build" / "mnist.py")
    assert any("nascore compile" in step for step in imported.steps)


def test_a_command_for_a_shell_gets_one(config: Path) -> None:
    config.write_text(VERSION_1.replace("python3 mnist.py --epochs 2", "cd x && python3 mnist.py"))
    run(config)
    assert read_experiment_file(config.parent / "experiment.yaml").trial_command == (
        "sh",
        "-c",
        "cd x && python3 mnist.py",
    )


def test_another_platform_and_its_own_fields_are_not_carried_over(config: Path) -> None:
    service = "trainingService:\n  platform: openpai\n  host: http://x\n"
    config.write_text(VERSION_2[: VERSION_2.index("trainingService:")] + service)
    told = run(config).stderr.replace("\n", " ")
    assert "not by openpai" in told
    assert "trainingService.host" in told


def test_nothing_is_overwritten(config: Path) -> None:
    (config.parent / "experiment.space.json").write_text("mine")
    with pytest.raises(SettingsError, match="is there already"):
        run(config)
    assert (config.parent / "experiment.space.json").read_text() == "mine"
    assert not (config.parent / "experiment.yaml").exists()


def test_a_forgiven_search_space_is_listed(config: Path) -> None:
    (config.parent / "search_space.json").write_text('{"k": {"_type": "randint", "_value": [5]}}')
    assert "read as [0, 5]" in run(config, "--lenient").stderr.replace("\n", " ")
