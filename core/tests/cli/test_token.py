"""The verb token, and what tokens open on a server that runs."""

import json
import re
import stat
import time

import pytest
from nascore.client import Client
from nascore.errors import PermissionDeniedError
from nascore.service import Scope, TokenFile


@pytest.fixture
def kept(keep):
    return keep(())


@pytest.fixture
def file(tmp_path, kept):
    return TokenFile(tmp_path / "home" / "experiments" / kept / "tokens.json")


def test_new_token_is_printed_once_and_only_its_digest_is_kept(invoke, file, kept):
    made = invoke("token", "new", "--scope", "worker")
    assert made.exit_code == 0, made.stderr
    token = made.stdout.strip()
    assert re.fullmatch(r"[\w-]{43}", token)
    assert token not in made.stderr
    assert "It is shown this once." in made.stderr
    (grant,) = file.read()
    assert (grant.scope, grant.experiments, grant.expires_at) == (Scope.WORKER, (kept,), None)
    assert token not in file.path.read_text()
    listed = invoke("token", "ls")
    assert token not in listed.stdout + listed.stderr
    assert grant.id in listed.stdout
    assert f"worker of experiment {kept}" in made.stderr


def test_token_is_kept_to_what_was_asked_for(invoke, file):
    made = invoke("token", "new", "--scope", "worker", "--worker", "a", "--worker", "b", "--all", "--expires", "7d")
    assert made.exit_code == 0, made.stderr
    (grant,) = file.read()
    assert (grant.experiments, grant.workers) == ((), ("a", "b"))
    assert grant.expires_at - grant.created_at == 7 * 86400
    assert "worker of all experiments as a, b, until 20" in made.stderr


def test_token_is_written_to_a_private_new_file(invoke, file, tmp_path):
    made = invoke("token", "new", "--scope", "read", "-o", "mine")
    assert made.stdout == ""
    assert stat.S_IMODE((tmp_path / "mine").stat().st_mode) == 0o600
    assert len((tmp_path / "mine").read_text().strip()) == 43
    again = invoke("token", "new", "--scope", "read", "-o", "mine")
    assert again.exit_code == 2
    assert "mine is there already" in again.stderr
    assert len(file.read()) == 1


def test_admin_token_is_of_the_whole_server(invoke, file):
    invoke("token", "new", "--scope", "admin")
    assert file.read()[0].experiments == ()
    document = json.loads(invoke("token", "ls", "--json").stdout)
    assert document[0]["scope"] == "admin"
    assert "sha256" not in document[0]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["new"], "Missing option"),
        (["new", "--scope", "root"], "'admin', 'worker', 'read'"),
        (["new", "--scope", "read", "--expires", "soon"], "is not a duration"),
        (["new", "--scope", "read", "--worker", "w"], "names of workers belong to the scope worker"),
        (["new", "--scope", "read", "-o", "none/x"], "There is no folder none"),
        (["revoke"], "Missing argument"),
    ],
)
def test_wrong_usage_makes_nothing(invoke, file, words, text):
    shown = invoke("token", *words)
    assert shown.exit_code == 2, shown.stderr
    assert text in shown.stderr
    assert file.read() == ()


def test_revoked_tokens_are_gone_and_a_wrong_id_revokes_none(invoke, file):
    for _ in range(3):
        invoke("token", "new", "--scope", "read")
    first, second, third = (grant.id for grant in file.read())
    wrong = invoke("token", "revoke", first, "nothing")
    assert wrong.exit_code == 1
    assert "none was revoked" in wrong.stderr
    assert len(file.read()) == 3
    assert invoke("token", "revoke", first, third).exit_code == 0
    assert [grant.id for grant in file.read()] == [second]


def test_without_tokens_it_says_how_to_make_one(invoke, kept):
    assert "nascore token new --scope worker" in invoke("token", "ls").stderr


def test_token_of_an_experiment_that_is_not_there_is_not_made(invoke, kept):
    shown = invoke("token", "new", "--scope", "read", "--experiment", "nobody")
    assert shown.exit_code == 1
    assert "There is no experiment 'nobody'" in shown.stderr


def ask_on(client, experiment):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        client.get(experiment)


@pytest.mark.slow
def test_running_server_takes_new_tokens_and_drops_revoked_ones(begin, invoke, tmp_path):
    process = begin("serve", "--tuner", "toy", "--address", "127.0.0.1:0", "-q")
    variables = dict(process.stdout.readline().strip().removeprefix("export ").split("=", 1) for _ in range(4))
    invoke("token", "new", "--scope", "read", "-o", "reader")
    with Client(variables["NASCORE_SERVER"], token_file=tmp_path / "reader", patience_s=0) as client:
        experiment = client.get(variables["NASCORE_EXPERIMENT"]).id
        with pytest.raises(PermissionDeniedError, match="has the scope read; LeaseTrial needs admin or worker"):
            client.lease(experiment, "w")
        (listed,) = json.loads(invoke("token", "ls", "--json").stdout)
        assert invoke("token", "revoke", listed["id"]).exit_code == 0
        with pytest.raises(PermissionDeniedError, match="was revoked"):
            ask_on(client, experiment)
    process.terminate()
    assert process.wait(60) == 0
