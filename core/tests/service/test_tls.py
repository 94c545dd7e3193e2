"""TLS with real certificates over real sockets: what works, and what is said where it does not."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nascore.client import Client, ClientTls, handshake
from nascore.errors import InvalidInputError, PermissionDeniedError, UnavailableError
from nascore.service import Server, ServerTls

TOKEN = "a-token-of-the-tests"
Serve = Callable[..., str]


class Nothing:
    """Stands for experiments of which there are none."""

    def list(self) -> tuple[()]:
        return ()


NOTHING = Nothing()


@pytest.fixture(autouse=True)
def _patient_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of a busy machine that is slow to hang up is not one that says nothing."""
    monkeypatch.setattr(handshake, "_PROBE_S", 60.0)


def server_tls(certificates: Any, name: str = "server", *, roots: str = "") -> ServerTls:
    client_roots = certificates.certificate(roots) if roots else None
    return ServerTls(certificates.certificate(name), certificates.key(name), client_roots=client_roots)


def client_tls(certificates: Any, *, roots: str = "root", name: str = "") -> ClientTls:
    own = (certificates.certificate(name), certificates.key(name)) if name else (None, None)
    return ClientTls(certificates.certificate(roots), *own)


def reached(address: str, tls: ClientTls | None) -> None:
    with Client(address, token=TOKEN, tls=tls, patience_s=0, timeout_s=30) as client:
        assert client.list() == ()


def why_not(address: str, tls: ClientTls | None) -> str:
    with pytest.raises(UnavailableError) as caught:
        reached(address, tls)
    assert caught.value.message.startswith(f"Cannot reach the server at {address}: ")
    assert caught.value.hint
    return str(caught.value)


def test_trusted_server_is_reached(certificates: Any, serve: Serve) -> None:
    reached(serve(NOTHING, "127.0.0.1:0", tls=server_tls(certificates)), client_tls(certificates))


def test_exposed_server_with_tls_starts(certificates: Any, serve: Serve) -> None:
    address = serve(NOTHING, "0.0.0.0:0", tls=server_tls(certificates))
    assert address.startswith("0.0.0.0:")
    reached(f"127.0.0.1:{address.rpartition(':')[2]}", client_tls(certificates))


def test_server_that_strangers_signed_is_not_trusted(certificates: Any, serve: Serve) -> None:
    address = serve(NOTHING, "127.0.0.1:0", tls=server_tls(certificates))
    said = why_not(address, client_tls(certificates, roots="stranger"))
    assert "its certificate is signed by nobody among the trusted roots" in said
    assert "stranger.pem" in said
    assert "NASCORE_TLS_ROOTS" in said


def test_server_with_the_certificate_of_another_host_is_not_trusted(certificates: Any, serve: Serve) -> None:
    address = serve(NOTHING, "127.0.0.1:0", tls=server_tls(certificates, "elsewhere"))
    said = why_not(address, client_tls(certificates))
    assert "its certificate is for another name than this address" in said
    assert "openssl x509" in said


def test_expired_certificate_is_named_as_such(certificates: Any, serve: Serve) -> None:
    address = serve(NOTHING, "127.0.0.1:0", tls=server_tls(certificates, "expired"))
    assert "its certificate has expired. Renew it on the server" in why_not(address, client_tls(certificates))


def test_certificate_from_the_future_is_named_as_such(certificates: Any, serve: Serve) -> None:
    address = serve(NOTHING, "127.0.0.1:0", tls=server_tls(certificates, "early"))
    assert "its certificate is not valid yet. Check the clock" in why_not(address, client_tls(certificates))


def test_plain_client_of_a_server_with_tls_is_told_so(certificates: Any, serve: Serve) -> None:
    address = serve(NOTHING, "127.0.0.1:0", tls=server_tls(certificates))
    assert "it speaks TLS, and this client plain text. Name the file" in why_not(address, None)


def test_plain_client_of_a_server_with_mutual_tls_is_told_so(certificates: Any, serve: Serve) -> None:
    address = serve(NOTHING, "127.0.0.1:0", tls=server_tls(certificates, roots="root"))
    assert "it speaks TLS, and this client plain text" in why_not(address, None)


def test_client_with_tls_of_a_plain_server_is_told_so(certificates: Any, serve: Serve) -> None:
    address = serve(NOTHING, "127.0.0.1:0")
    said = why_not(address, client_tls(certificates))
    assert "it speaks plain text, and this client TLS" in said
    assert "--tls-cert" in said


def test_mutual_tls_lets_in_callers_that_its_root_signed(certificates: Any, serve: Serve) -> None:
    address = serve(NOTHING, "127.0.0.1:0", tls=server_tls(certificates, roots="root"))
    reached(address, client_tls(certificates, name="worker"))


def test_caller_without_a_certificate_is_told_that_one_is_asked_for(certificates: Any, serve: Serve) -> None:
    address = serve(NOTHING, "127.0.0.1:0", tls=server_tls(certificates, roots="root"))
    said = why_not(address, client_tls(certificates))
    assert "it asks its callers for a certificate, and this client has none. Name yours in NASCORE_TLS_CERT" in said


@pytest.mark.parametrize("name", ["stranger", "expired"])
def test_caller_with_a_certificate_that_is_not_taken_is_told_which(certificates: Any, serve: Serve, name: str) -> None:
    address = serve(NOTHING, "127.0.0.1:0", tls=server_tls(certificates, roots="root"))
    said = why_not(address, client_tls(certificates, name=name))
    assert f"it does not take this client's certificate {certificates.certificate(name)}" in said
    assert "--tls-client-roots" in said


def test_certificate_alone_opens_no_call(certificates: Any, serve: Serve) -> None:
    address = serve(NOTHING, "127.0.0.1:0", tls=server_tls(certificates, roots="root"))
    with Client(address, tls=client_tls(certificates, name="worker"), patience_s=0) as client:
        with pytest.raises(PermissionDeniedError, match="carries no token"):
            client.list()


def test_audit_names_the_certificate_of_a_caller(
    certificates: Any, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    address = serve(NOTHING, "127.0.0.1:0", tls=server_tls(certificates, roots="root"))
    with Client(address, token="w" * 20, tls=client_tls(certificates, name="worker"), patience_s=0) as client:
        with pytest.raises(Exception, match="not that of this server"):
            client.list()
    assert "Refused /nascore.v1.ExperimentService/ListExperiments to no known token" in caplog.text
    assert "certificate worker/worker-7.example, at ipv4:127.0.0.1:" in caplog.text


def test_people_of_this_machine_reach_a_server_with_tls_by_a_private_socket(certificates: Any, loop: Any) -> None:
    server = Server(NOTHING, address="127.0.0.1:0", token=TOKEN, tls=server_tls(certificates, roots="root"))  # type: ignore[arg-type]
    loop.run(server.start())
    local = server.local_address
    assert local.startswith("unix:")
    reached(local, None)
    loop.run(server.stop(0))
    assert not Path(local.removeprefix("unix:")).parent.exists()


# --- files that cannot be used ------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["server", "client"])
def test_key_of_another_certificate_is_refused(certificates: Any, side: str) -> None:
    certificate, key = certificates.certificate("server"), certificates.key("worker")
    tls = ServerTls(certificate, key) if side == "server" else ClientTls(None, certificate, key)
    with pytest.raises(InvalidInputError, match=r"server\.pem and .*worker\.key cannot be used"):
        tls.credentials()


def test_key_with_a_passphrase_is_refused_without_asking(certificates: Any, tmp_path: Path) -> None:
    guarded = tmp_path / "guarded.key"
    words = (
        "openssl",
        "pkey",
        "-in",
        certificates.key("server"),
        "-out",
        guarded,
        "-aes256",
        "-passout",
        "pass:secret",
    )
    subprocess.run(words, check=True, capture_output=True)
    with pytest.raises(InvalidInputError, match="passphrase"):
        ServerTls(certificates.certificate("server"), guarded).credentials()


def test_certificate_without_its_key_is_refused(certificates: Any) -> None:
    with pytest.raises(InvalidInputError, match="come together; one of them is missing"):
        ClientTls(certificate=certificates.certificate("worker"))


def test_missing_certificate_is_named(certificates: Any, loop: Any) -> None:
    tls = ServerTls(certificates.folder / "none.pem", certificates.key("server"))
    server = Server(NOTHING, address="127.0.0.1:0", token=TOKEN, tls=tls)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match=r"none\.pem cannot be read"):
        loop.run(server.start())


def test_environment_names_roots_and_own_certificate(certificates: Any) -> None:
    names = {
        "NASCORE_TLS_ROOTS": certificates.certificate("root"),
        "NASCORE_TLS_CERT": certificates.certificate("worker"),
        "NASCORE_TLS_KEY": certificates.key("worker"),
    }
    environ = {name: str(path) for name, path in names.items()}
    assert ClientTls.from_environment(environ) == client_tls(certificates, name="worker")
    assert ClientTls.from_environment({}) is None
    assert ClientTls.from_environment({"NASCORE_TLS_ROOTS": ""}) is None
    with pytest.raises(InvalidInputError, match="Set both NASCORE_TLS_CERT and NASCORE_TLS_KEY"):
        ClientTls.from_environment({"NASCORE_TLS_KEY": "x"})
