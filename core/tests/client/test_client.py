"""Making a client: what it is told, and what it refuses before it calls anybody."""

from pathlib import Path

import pytest
from nascore.client import Client, ClientTls
from nascore.errors import InvalidInputError, PermissionDeniedError


def test_plain_text_to_another_machine_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"192\.0\.2\.7:8470: reaching another machine needs TLS"):
        Client("192.0.2.7:8470", token="secret")


@pytest.mark.parametrize("address", ["unix:", "127.0.0.1:0"])
def test_address_that_leaves_the_choice_is_refused(address: str) -> None:
    with pytest.raises(InvalidInputError, match="a client must be told"):
        Client(address)


def test_token_and_file_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="both given"):
        Client("unix:/x", token="a", token_file=tmp_path)


@pytest.mark.parametrize("token", ["", "a b", "a\n"])
def test_token_that_cannot_travel_is_refused(token: str) -> None:
    with pytest.raises(InvalidInputError, match=r"^token: "):
        Client("unix:/x", token=token)


def test_environment_without_server_says_who_sets_it() -> None:
    with pytest.raises(InvalidInputError, match=r"NASCORE_SERVER is not set.*nascore run"):
        Client.from_environment({})


def test_environment_names_server_and_token_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    environ = {"NASCORE_SERVER": "unix:/x", "NASCORE_TOKEN_FILE": str(tmp_path / "token"), "NASCORE_TOKEN": "older"}
    with Client.from_environment(environ) as client:
        assert client.address == "unix:/x"
    with pytest.raises(PermissionDeniedError, match="none"):
        Client.from_environment({**environ, "NASCORE_TOKEN_FILE": str(tmp_path / "none")})


def test_roots_that_are_no_pem_are_refused(tmp_path: Path) -> None:
    (tmp_path / "roots.pem").write_text("nothing")
    environ = {"NASCORE_SERVER": "192.0.2.7:1", "NASCORE_TLS_ROOTS": str(tmp_path / "roots.pem")}
    with pytest.raises(InvalidInputError, match=r"roots\.pem holds no PEM block of kind CERTIFICATE"):
        Client.from_environment(environ)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        Client.from_environment({**environ, "NASCORE_TLS_ROOTS": str(tmp_path / "none.pem")})


def test_certificate_without_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="come together"):
        ClientTls(certificate=tmp_path)


@pytest.mark.parametrize(("trial", "epoch"), [(-1, 0), (0, -1), (2**64, 0)])
def test_number_that_does_not_fit_is_refused_by_name(trial: int, epoch: int) -> None:
    with Client("unix:/x") as client, pytest.raises(InvalidInputError, match=r"trial|epoch"):
        client.renew("e", "w", trial, epoch)


@pytest.mark.parametrize("size", [0, 1001])
def test_page_size_out_of_range_is_refused(size: int) -> None:
    with Client("unix:/x") as client, pytest.raises(InvalidInputError, match="page_size"):
        list(client.list_trials("e", page_size=size))


def test_calls_are_the_same_on_the_client_and_on_its_parts() -> None:
    with Client("unix:/x") as client:
        for part in (client.experiments, client.trials):
            for name in (name for name in dir(type(part)) if not name.startswith("_")):
                assert getattr(client, name) == getattr(part, name)
