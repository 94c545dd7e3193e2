from pathlib import Path

import pytest
from nas_trial.environment import Isolation, WorkerEnvironment
from nascore.errors import SettingsError

SET = {
    "NASCORE_SERVER": "unix:/tmp/s",
    "NASCORE_EXPERIMENT": "abcdefgh",
    "NASCORE_WORKER": "worker-0",
    "NASCORE_FOLDER": "/tmp/e",
    "NASCORE_THREADS": "2",
}


def test_what_the_launcher_sets_is_read():
    environment = WorkerEnvironment.read(SET)
    assert (environment.worker, environment.threads, environment.folder) == ("worker-0", 2, Path("/tmp/e"))
    assert environment.isolation is Isolation.FORK
    assert WorkerEnvironment.read(SET | {"NASCORE_ISOLATION": "none"}).isolation is Isolation.NONE


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("NASCORE_ISOLATION", "forked", "NASCORE_ISOLATION is 'forked'; it must be fork or none."),
        ("NASCORE_THREADS", "many", "NASCORE_THREADS is 'many'; it must be a number of at least 1."),
        ("NASCORE_THREADS", "0", "NASCORE_THREADS is '0'"),
        ("NASCORE_AWAY_LIMIT", "nan", "NASCORE_AWAY_LIMIT is 'nan'; it must be a duration. Write 90s, 30m, 12h"),
        ("NASCORE_WORKER", "", "NASCORE_WORKER is not set."),
        ("NASCORE_EXPERIMENT", "", "NASCORE_EXPERIMENT is not set."),
    ],
)
def test_a_setting_that_is_none_is_named(name, text, message):
    with pytest.raises(SettingsError, match=message):
        WorkerEnvironment.read(SET | {name: text})
