"""A served search behind mutual TLS, from the command line to the worker."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_search_behind_mutual_tls_is_worked_on_read_and_stopped(begin, environ, invoke, certificates, tmp_path):
    own = ("--tls-cert", certificates.certificate("server"), "--tls-key", certificates.key("server"))
    roots = certificates.certificate("root")
    options = ("--address", "127.0.0.1:0", "--trials", "2", "-q", *own, "--tls-client-roots", roots)
    process = begin("serve", "--tuner", "toy", *map(str, options))
    variables = dict(process.stdout.readline().strip().removeprefix("export ").split("=", 1) for _ in range(4))

    pair = (certificates.certificate("worker"), certificates.key("worker"))
    caller = list(map(str, ("--tls-roots", roots, "--tls-cert", pair[0], "--tls-key", pair[1])))
    invoke("token", "new", "--scope", "read", "-o", "reader")
    server = ("--server", variables["NASCORE_SERVER"], "--token-file", "reader")
    shown = invoke("show", variables["NASCORE_EXPERIMENT"], *server, *caller)
    assert variables["NASCORE_EXPERIMENT"] in shown.stdout, shown.stderr
    assert "Name the experiment by its full id" in invoke("show", "last", *server, *caller).stderr
    bare = invoke("show", *server, "--tls-roots", str(roots))
    assert "it asks its callers for a certificate, and this client has none" in bare.stderr

    tls = {
        "NASCORE_TLS_ROOTS": str(roots),
        "NASCORE_TLS_CERT": str(certificates.certificate("worker")),
        "NASCORE_TLS_KEY": str(certificates.key("worker")),
        "NASCORE_WORKER": "w",
    }
    worker = Path(__file__).parent / "toys" / "worker.py"
    more = {**environ, **variables, **tls}
    done = subprocess.run([sys.executable, worker], env=more, timeout=60, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # On this machine no certificate is needed: the server has a private socket too.
    assert "2/2" in invoke("ls").stdout
    stopped = invoke("stop")
    assert stopped.exit_code == 0, stopped.stderr
    process.terminate()
    assert process.wait(60) == 0


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "127.0.0.1"])
def test_workers_are_told_a_name_to_connect_to_and_the_certificate(begin, certificates, host):
    own = ("--tls-cert", str(certificates.certificate("server")), "--tls-key", str(certificates.key("server")))
    process = begin("serve", "--tuner", "toy", "--address", f"{host}:0", *own, "-q")
    lines = iter(process.stdout.readline, "")
    variables = dict(next(lines).strip().removeprefix("export ").split("=", 1) for _ in range(5))
    name, _, port = variables["NASCORE_SERVER"].rpartition(":")
    assert name == (host if host == "127.0.0.1" else socket.gethostname())
    assert int(port) > 0
    assert variables["NASCORE_TLS_ROOTS"] == str(certificates.certificate("server"))


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--tls-cert", "server.pem"), "--tls-cert and --tls-key belong together"),
        (("--tls-client-roots", "root.pem"), "--tls-cert and --tls-key belong together"),
        (("--tls-cert", "server.pem", "--tls-key", "server.key"), "not spoken to with TLS"),
        (("--address", "0.0.0.0:0"), "other machines could reach it"),
        (("--address", "127.0.0.1:0", "--tls-cert", "server.pem", "--tls-key", "worker.key"), "cannot be used"),
    ],
)
def test_half_a_protection_is_refused(nascore, certificates, tmp_path, words, text):
    placed = [str(certificates.folder / word) if word.endswith((".pem", ".key")) else word for word in words]
    ran = nascore("serve", "--tuner", "toy", *placed)
    assert ran.returncode == 2, ran.stderr
    assert text in " ".join(ran.stderr.split())
    assert list((tmp_path / "home").rglob("*.db")) == []
