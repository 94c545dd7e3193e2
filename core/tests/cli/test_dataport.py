"""``--data-port``: wrong values first."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from nascore.cli.dataport import data_port_of
from nascore.cli.program import program
from nascore.client import Client
from nascore.v1 import weights_pb2


@pytest.mark.parametrize("value", ["65536", "-1", "on", "", "1.5", "１"])
@pytest.mark.parametrize("words", [["weights", "serve", "store"], ["serve", "--tuner", "random"]])
def test_what_is_no_port_is_refused(
    words: list[str], value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(program, [*words, "--data-port", value])
    assert found.exit_code == 2
    assert f"`{value}` is neither a port (0 to 65535) nor `off`." in found.output


@pytest.mark.parametrize(("text", "port"), [("off", None), ("", 0), ("0", 0), ("8471", 8471)])
def test_texts_stand_for_ports(text: str, port: int | None) -> None:
    assert data_port_of(text) == port


@pytest.fixture
def kept() -> Iterator[socket.socket]:
    """Keep a port from all who take any port, until a server listens at it that was told to: bound, not listened at."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder


@pytest.mark.parametrize("is_off", [False, True])
def test_weights_are_served_at_the_port_that_was_asked_for(tmp_path: Path, kept: socket.socket, is_off: bool) -> None:
    port = kept.getsockname()[1]
    words = ["weights", "serve", "store", "--address", "127.0.0.1:0", "--data-port", "off" if is_off else str(port)]
    with subprocess.Popen(
        [sys.executable, "-m", "nascore", *words], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        try:
            with Client(address, token_file=tmp_path / "weights-token") as client:
                request = weights_pb2.UploadDirectRequest()
                stream = client.connection.pieces("/nascore.v1.WeightService/UploadDirect", request, timeout_s=60)
                told = weights_pb2.UploadDirectResponse.FromString(next(stream))
                stream.close()
            assert told.port == (0 if is_off else port)
        finally:
            process.terminate()
            assert process.wait(60) == 0
