import re

import pytest
from nascore.cli.experimentfile import KEYS, experiment_file_schema, read_experiment_file
from nascore.cli.failure import InputFileError
from nascore.cli.request import Isolation
from nascore.record import Direction, Objective


@pytest.fixture
def read(tmp_path):
    (tmp_path / "trial.py").write_text("")

    def call(text):
        path = tmp_path / "experiment.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_experiment_file(path)

    return call


def test_everything_can_be_said_in_nni_s_words(read, tmp_path):
    (tmp_path / "space.json").write_text("{}")
    request = read(
        "experimentName: digits\ntrialFile: trial.py\ntrialConcurrency: 2\nmaxTrialNumber: 50\n"
        "maxExperimentDuration: 24h\nsearchSpaceFile: space.json\nseed: 7\nisolation: none\n"
        "gpus: [0, 1]\ntarget: 0.98\n"
        "maxAttempts: 2\nmaxFailuresInARow: 4\nleaseDuration: 1m\n"
        "tuner:\n  name: evolution\n  classArgs: {population_size: 20, optimize_mode: minimize}\nobjective: loss\n"
    )
    assert request.name == "digits"
    assert request.trial_file == tmp_path / "trial.py"
    assert request.space_file == tmp_path / "space.json"
    assert request.folder == tmp_path
    assert (request.parallel, request.trials, request.duration_s, request.seed) == (2, 50, 86400.0, 7)
    assert (request.max_attempts, request.max_failures_in_a_row, request.lease_s) == (2, 4, 60.0)
    assert request.isolation is Isolation.NONE
    assert request.gpus == ("0", "1")
    assert (request.tuner, request.settings) == ("evolution", {"population_size": 20})
    assert request.objectives == (Objective("loss", Direction.MINIMIZE),)


def test_snake_case_and_short_names_say_the_same(read):
    long = read("trialFile: trial.py\ntrialConcurrency: 2\nmaxTrialNumber: 5\nmaxExperimentDuration: 90s\n")
    assert read("trial_file: trial.py\ntrial_concurrency: 2\nmax_trial_number: 5\nduration: 90\n") == long
    assert read("trial: trial.py\nparallel: 2\ntrials: 5\nmax_experiment_duration: 1m30s\n") == long


def test_objectives_with_directions_and_bounds(read):
    request = read("objectives:\n  - accuracy\n  - {metric: latency_ms, direction: minimize, bound: 5}\n")
    assert request.objectives == (Objective("accuracy"), Objective("latency_ms", Direction.MINIMIZE, 5.0))


def test_what_networks_may_cost_is_read_with_units(read):
    request = read("max: {params: 3M, latency: 5ms, macs: 1000}\nprofile: [memory, macs]\n")
    assert request.maxima == {"params": 3e6, "latency_ms": 5.0, "macs": 1000.0}
    assert request.profile == ("activation_bytes", "macs")
    assert read("profile: params,macs").profile == ("params", "macs")


def test_a_command_is_split_into_words_without_a_shell(read):
    assert read("trialCommand: python 'my worker.py' --x $HOME").trial_command == (
        "python",
        "my worker.py",
        "--x",
        "$HOME",
    )
    assert read("trialCommand: [./worker, --fast]").trial_command == ("./worker", "--fast")


def test_values_of_settings_keep_their_types_and_aliases_are_followed(read):
    request = read("seed: &s 3\ntuner: {name: t, settings: {a: *s, b: [1, x], c: &y true, d: *y, e: 0.5, f: null}}")
    assert request.settings == {"a": 3, "b": [1, "x"], "c": True, "d": True, "e": 0.5, "f": None}


INVALID = {
    "trialConcurency: 2": (1, "Unknown key `trialConcurency`", "Did you mean `trialConcurrency`?"),
    "trial_concurency: 2": (1, "Unknown key", "Did you mean `trial_concurrency`?"),
    "seed: 1\ntrainingService: {platform: local}": (2, "Unknown key `trainingService`", "Remove it"),
    "zzz: 1": (1, "Unknown key `zzz`", "Known keys: experimentName"),
    "seed: 1\ntrialConcurrency: two": (2, "trialConcurrency: wanted a whole number, found text `two`", ""),
    "seed: 1\nmax: {params: 3X}": (2, "`3X` is no limit of params", "Write a number above zero"),
    "max: {parms: 3}": (1, "There is no figure `parms`", "Did you mean"),
    "max: 3": (1, "max: wanted a group of keys, found a whole number `3`", "{params: 3M"),
    "max: {params: true}": (1, "wanted an amount, found true or false", "3M"),
    "profile: flops": (1, "There is no figure `flops`", "params"),
    "profile: [macs, 3]": (1, "wanted text, found a whole number `3`", ""),
    "trialConcurrency: true": (1, "wanted a whole number, found true or false", ""),
    "trialConcurrency: 1.5": (1, "wanted a whole number, found a number `1.5`", ""),
    "trialConcurrency: 0": (1, "0 is not above 0", ""),
    "trialConcurrency:": (1, "wanted a whole number, found nothing", ""),
    "maxExperimentDuration: 24x": (1, "`24x` is not a duration", "1h30m"),
    "target: .nan": (1, "not finite", ""),
    "target: high": (1, "wanted a number", ""),
    "seed: -1": (1, "-1 is not within 0 and 2^64 - 1", ""),
    "trialFile: nowhere.py": (1, "there is no", "relative to the folder of this file"),
    "trialFile: [a]": (1, "wanted text, found a list", ""),
    "isolation: maybe": (1, "`maybe` is neither `fork` nor `none`", ""),
    "gpus: [0, x]": (1, "not a list of GPUs", "0,1"),
    "objective: {metric: a, direction: up}": (1, "objective.direction: `up` is not a direction", "max"),
    "objective:\n  direction: max": (2, "`metric` is missing", ""),
    "objectives: [a, a]": (1, "distinct metrics", ""),
    "objectives: []": (1, "one or more objectives", ""),
    "objectives: [a, b]\noptimizeMode: max": (1, "does not fit several objectives", "direction"),
    "tuner:\n  name: random\n  clasArgs: {}": (3, "Unknown key `clasArgs` in tuner", "`classArgs`"),
    "tuner: {classArgs: {}}": (1, "`name` is missing", ""),
    "tuner: {name: a, classArgs: {}, settings: {}}": (1, "says again", "Keep one"),
    "tuner: 3": (1, "wanted text", ""),
    "maxTrialNumber: 3\ntrials: 4": (2, "`trials` says again what `maxTrialNumber` says", "Remove one"),
    "trialFile: trial.py\ntrialCommand: x": (2, "Both trialFile and trialCommand", "Keep one"),
    "trialCommand: 'a": (1, "Not valid YAML", ""),
    "trialCommand: a 'b": (1, "No closing quotation", ""),
    "a: 1\na: 2": (2, "duplicate key", "Remove one"),
    "a: [": (1, "Not valid YAML", ""),
    "seed: 1\n\tx: 1": (2, "Not valid YAML", "spaces, not tabs"),
    "seed: !!python/object/apply:os.system [ls]": (1, "Tags such as", "plain value"),
    "seed: !mine 3": (1, "Tags such as `!mine`", "plain value"),
    "experimentName: 2024-01-01": (1, "neither text nor a number", "quotes"),
    "1: 2": (1, "The key 1 is not text", "quotes"),
    "- a": (1, "not a group of keys", "trialFile: trial.py"),
    "": (1, "The file is empty", "nascore hello"),
    "a: " + "[" * 200: (1, "Nested deeper than 32 levels", ""),
    "a: &a 1\nb: [" + "*a, " * 65 + "1]": (2, "More than 64 aliases", ""),
}


@pytest.mark.parametrize("text", INVALID)
def test_invalid_files_are_refused_with_line_quote_and_remedy(read, text):
    line, message, remedy = INVALID[text]
    with pytest.raises(InputFileError, match=re.escape(message)) as caught:
        read(text)
    assert caught.value.where.endswith(f"experiment.yaml:{line}")
    assert remedy in caught.value.hint
    assert not text or f"{line} │ {text.splitlines()[line - 1][:200]}" in caught.value.excerpt


def test_a_bomb_of_aliases_is_refused(read):
    levels = "a0: &a0 [x, x, x, x, x, x, x, x]\n"
    levels += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]\n" for n in range(1, 8))
    with pytest.raises(InputFileError, match=r"More than 20,000 values"):
        read(levels)


def test_a_huge_file_is_refused_unread(read):
    with pytest.raises(InputFileError, match="larger than 256 KiB"):
        read("#" * (2**18 + 1))


def test_a_file_that_is_no_text_is_refused_with_its_line(read):
    with pytest.raises(InputFileError, match="not UTF-8") as caught:
        read(b"seed: 1\nname: \xff\xfe\n")
    assert caught.value.where.endswith(":2")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputFileError, match="Cannot read the file"):
        read_experiment_file(tmp_path / "none.yaml")


def test_the_schema_knows_every_name_of_every_key():
    schema = experiment_file_schema()
    assert set(schema["properties"]) == {name for key in KEYS for name in key.names}
    assert schema["additionalProperties"] is False
    assert all(entry["description"] for entry in schema["properties"].values())
