from pathlib import Path
from typing import Any, cast

from nascore.cli.hosting import Host
from nascore.cli.request import Isolation
from nascore.cli.runfile import RunFile
from nascore.cli.shares import worker_specs


class Hosted(Host):
    """A host whose tokens are not written anywhere."""

    def worker_token(self, experiment: str) -> Path:
        return self.folder / f"token-of-{experiment}"


HOST = Hosted(cast(Any, None), "unix:/s/server.sock", Path("/h/token"), Path("/h"), cast(Any, None))


def run_file(**changes):
    facts = {"trial_file": "/x/t.py", "command": ("python", "/x/t.py"), "parallel": 2, "isolation": Isolation.FORK}
    return RunFile(**{**facts, "tuner": "toy", "python": "python", "cwd": "/x", **changes})


def test_each_worker_knows_its_server_experiment_and_folder():
    first, second = worker_specs(run_file(gpus=("3", "4")), HOST, "abc")
    assert (first.name, second.name) == ("worker-0", "worker-1")
    assert (first.devices, second.devices) == (("3",), ("4",))
    assert first.log_file == Path("/h/logs/worker-0.log")
    assert first.folder == Path("/x")
    assert first.environment == {
        "NASCORE_SERVER": "unix:/s/server.sock",
        "NASCORE_TOKEN_FILE": "/h/token-of-abc",
        "NASCORE_EXPERIMENT": "abc",
        "NASCORE_FOLDER": "/h",
        "NASCORE_ISOLATION": "fork",
    }


def test_each_worker_knows_what_its_networks_may_cost():
    for spec in worker_specs(run_file(gpus=(), maxima=("params=10.0", "macs=20.0"), profile=("params",)), HOST, "abc"):
        assert spec.environment["NASCORE_MAX"] == "params=10.0,macs=20.0"
        assert spec.environment["NASCORE_PROFILE"] == "params"


def test_no_gpus_hides_those_that_are_there():
    (spec,) = worker_specs(run_file(gpus=(), parallel=1), HOST, "abc")
    assert spec.environment["CUDA_VISIBLE_DEVICES"] == ""
