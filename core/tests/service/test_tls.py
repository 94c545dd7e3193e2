"""TLS with real certificates, made by the openssl program."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from nascore.client import Client, ClientTls
from nascore.errors import InvalidInputError, UnavailableError
from nascore.service import Server, ServerTls

if shutil.which("openssl") is None and not os.environ.get("NASCORE_REQUIRE_ALL"):
    pytest.skip("needs the openssl program to make certificates", allow_module_level=True)


def certificate(folder: Path, name: str, *, passphrase: str = "") -> tuple[Path, Path]:
    chain, key = folder / f"{name}.pem", folder / f"{name}.key"
    protection = ["-passout", f"pass:{passphrase}"] if passphrase else ["-nodes"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", *protection]
    files = ["-keyout", str(key), "-out", str(chain), "-days", "2"]
    names = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    subprocess.run(["openssl", "req", "-x509", *curve, *files, *names], check=True, capture_output=True)
    return chain, key


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    for name in ("server", "worker", "other"):
        certificate(folder, name)
    return folder


def tls_of(folder: Path, **parts: Path) -> ServerTls:
    return ServerTls(folder / "server.pem", folder / "server.key", **parts)


def reached(address: str, tls: ClientTls | None) -> None:
    with Client(address, token="t", tls=tls, patience_s=0, timeout_s=10) as client:
        client.wait_until_serving(0)


def test_trusted_server_is_reached(folder: Path, serve) -> None:  # type: ignore[no-untyped-def]
    address = serve(None, "127.0.0.1:0", tls=tls_of(folder))
    reached(address, ClientTls(roots=folder / "server.pem"))


def test_exposed_server_with_tls_starts(folder: Path, serve) -> None:  # type: ignore[no-untyped-def]
    address = serve(None, "0.0.0.0:0", tls=tls_of(folder))
    assert address.startswith("0.0.0.0:")
    reached(f"127.0.0.1:{address.rpartition(':')[2]}", ClientTls(roots=folder / "server.pem"))


@pytest.mark.parametrize("roots", ["other.pem", None])
def test_untrusted_server_is_refused_with_the_remedy(folder: Path, serve, roots: str | None) -> None:  # type: ignore[no-untyped-def]
    address = serve(None, "127.0.0.1:0", tls=tls_of(folder))
    tls = None if roots is None else ClientTls(roots=folder / roots)
    with pytest.raises(UnavailableError, match="Cannot reach the server") as caught:
        reached(address, tls)
    if roots:
        assert "trusted roots" in str(caught.value)


def test_mutual_tls_lets_in_only_known_callers(folder: Path, serve) -> None:  # type: ignore[no-untyped-def]
    address = serve(None, "127.0.0.1:0", tls=tls_of(folder, client_roots=folder / "worker.pem"))
    roots = folder / "server.pem"
    reached(address, ClientTls(roots, folder / "worker.pem", folder / "worker.key"))
    with pytest.raises(UnavailableError):
        reached(address, ClientTls(roots, folder / "other.pem", folder / "other.key"))
    with pytest.raises(UnavailableError):
        reached(address, ClientTls(roots))


def test_key_of_another_certificate_is_refused(folder: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"server\.pem and .*other\.key cannot be used"):
        ServerTls(folder / "server.pem", folder / "other.key").credentials()


def test_key_with_a_passphrase_is_refused_without_asking(folder: Path) -> None:
    chain, key = certificate(folder, "guarded", passphrase="secret")
    with pytest.raises(InvalidInputError, match="passphrase"):
        ServerTls(chain, key).credentials()


def test_missing_certificate_is_named(folder: Path, loop) -> None:  # type: ignore[no-untyped-def]
    server = Server(None, address="127.0.0.1:0", token="t", tls=ServerTls(folder / "none.pem", folder / "server.key"))  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match=r"none\.pem cannot be read"):
        loop.run(server.start())
