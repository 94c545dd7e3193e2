"""A throw-away PostgreSQL server, made from the machine's own binaries where a test needs one."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import pytest

PASSWORD = "canary-of-the-tests"


class Cluster:
    """A server of its own, in a temporary folder; reached by a socket without a password, by TCP with one.

    Args:
        binaries: Folder of initdb and postgres.
        is_durable: Whether it syncs to disk.
    """

    def __init__(self, binaries: Path, *, is_durable: bool) -> None:
        self._binaries = binaries
        # Not below pytest's folders: the path of a socket has at most 107 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="nas-pg-"))
        self._user = _unprivileged()
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        self.password_file = self.folder / "password"
        self.password_file.write_text(PASSWORD)
        self.password_file.chmod(0o644)
        self._data = self.folder / "data"
        made = ["-D", str(self._data), "-U", "nascore", "-A", "scram-sha-256", f"--pwfile={self.password_file}"]
        self._run("initdb", [*made, "--auth-local=trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"])
        self.port = _free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder,
            "max_connections": 40,
            "shared_buffers": "16MB",
            "fsync": "on" if is_durable else "off",
            "autovacuum": "off",
        }
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._run("pg_ctl", ["-D", str(self._data), "-w", "-t", "30", "-l", str(self.folder / "log"), "start"])

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: ``immediate`` is a crash, ``fast`` is not."""
        self._run("pg_ctl", ["-D", str(self._data), "-m", mode, "-w", "-t", "30", "stop"])

    def kill(self) -> None:
        """Kill its first process; the others find out and follow."""
        pid = int((self._data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)

    def url(self, schema: str = "", *, role: str = "nascore", database: str = "postgres") -> str:
        """Return its address, with a schema as search path."""
        option = f"&options=-csearch_path%3D{schema}" if schema else ""
        return f"postgresql://{role}@/{database}?host={self.folder}&port={self.port}{option}"

    def tcp_url(self, schema: str = "", *, password: str = PASSWORD) -> str:
        """Return its address by TCP, which asks for a password."""
        option = f"?options=-csearch_path%3D{schema}" if schema else ""
        return f"postgresql://nascore:{password}@127.0.0.1:{self.port}/postgres{option}"

    def new_schema(self) -> str:
        """Make a schema, and return its name."""
        name = f"t{token_hex(6)}"
        self.execute(f"CREATE SCHEMA {name}")
        return name

    def execute(self, *statements: str, schema: str = "") -> list[tuple[object, ...]]:
        """Execute statements as the superuser, and return the rows of the last one."""
        import psycopg  # noqa: PLC0415 - an extra: only where there is a server

        with psycopg.connect(self.url(schema), autocommit=True) as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            rows = cursor.fetchall() if cursor.description else []
        connection.close()
        return rows

    def remove(self) -> None:
        """Stop it and remove its folder."""
        with suppress(subprocess.CalledProcessError):
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, words: Sequence[str]) -> None:
        # Its own log only: a server that kept our output open would keep pytest waiting.
        with (self.folder / f"{program}.log").open("ab") as log:
            command = [str(self._binaries / program), *words]
            subprocess.run(command, user=self._user, cwd="/", stdout=log, stderr=log, check=True)


def _unprivileged() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid():
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _binaries() -> Path:
    """Return the folder of PostgreSQL's programs: where Debian keeps them, or in PATH."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    reason = "needs PostgreSQL's programs initdb, pg_ctl and postgres (Debian: postgresql)"
    if os.environ.get("NASCORE_REQUIRE_ALL"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A server for all tests of this process; each makes a schema of its own."""
    binaries = _binaries()
    if not os.environ.get("NASCORE_REQUIRE_ALL"):
        pytest.importorskip("psycopg", reason="needs psycopg (the extra nascore[postgres])")
    cluster = Cluster(binaries, is_durable=False)
    yield cluster
    cluster.remove()


@pytest.fixture(scope="session")
def crashing_postgres() -> Iterator[Cluster]:
    """A server that syncs to disk, to crash and start again; a test leaves it running."""
    cluster = Cluster(_binaries(), is_durable=True)
    yield cluster
    cluster.remove()


_CONFIGURATION = """
[ca]
default_ca = own
[own]
database = {folder}/index.txt
new_certs_dir = {folder}
certificate = {folder}/root.pem
private_key = {folder}/root.key
rand_serial = yes
default_md = sha256
default_days = 2
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
"""
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_NAMES = {
    "server": "IP:127.0.0.1,DNS:localhost",
    "elsewhere": "DNS:elsewhere.example",
    "worker": "DNS:worker-7.example",
    "expired": "IP:127.0.0.1",
    "early": "IP:127.0.0.1",
}
_DATES = {
    "expired": ("-startdate", "20200101000000Z", "-enddate", "20200102000000Z"),
    "early": ("-startdate", "20900101000000Z", "-enddate", "20900102000000Z"),
}


@dataclass(frozen=True)
class Certificates:
    """Certificates and keys, made by openssl: ``root`` signed all of ``_NAMES``, and ``stranger`` signed itself."""

    folder: Path

    def certificate(self, name: str) -> Path:
        return self.folder / f"{name}.pem"

    def key(self, name: str) -> Path:
        return self.folder / f"{name}.key"


def _openssl(*words: str | Path) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


def _issue(folder: Path, name: str, names: str) -> None:
    files = ("-keyout", folder / f"{name}.key", "-out", folder / f"{name}.csr")
    _openssl("req", "-new", *_KEY, *files, "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}")
    issued = ("-in", folder / f"{name}.csr", "-out", folder / f"{name}.pem", "-notext", *_DATES.get(name, ()))
    _openssl("ca", "-batch", "-config", folder / "ca.cnf", *issued)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    if shutil.which("openssl") is None and not os.environ.get("NASCORE_REQUIRE_ALL"):
        pytest.skip("needs the openssl program to make certificates")
    folder = tmp_path_factory.mktemp("tls")
    (folder / "index.txt").touch()
    (folder / "ca.cnf").write_text(_CONFIGURATION.format(folder=folder))
    for name in ("root", "stranger"):
        files = ("-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem", "-days", "2")
        _openssl("req", "-x509", *_KEY, *files, "-subj", f"/CN={name}")
    for name, names in _NAMES.items():
        _issue(folder, name, names)
    return Certificates(folder)
