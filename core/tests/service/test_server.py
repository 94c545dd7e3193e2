"""The server's addresses and life, over real sockets."""

import asyncio
import os
import socket
import stat
from pathlib import Path

import pytest
from nascore.errors import InvalidInputError, PermissionDeniedError, StateError
from nascore.eventloop import loop_factory
from nascore.service import Server


@pytest.mark.parametrize("address", ["unix:", "127.0.0.1:0", "localhost:0", "[::1]:0"])
def test_server_is_reached_at_the_address_it_returns(serve, connect, address: str) -> None:  # type: ignore[no-untyped-def]
    if address.startswith("[") and not _has_ipv6():
        pytest.skip("this machine has no IPv6 loopback")
    bound = serve(None, address)
    connect(bound).wait_until_serving(20)
    assert not bound.endswith(":0")
    assert "localhost" not in bound


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_path_with_odd_characters_is_served(serve, connect, tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path_factory.mktemp("a b") / "50%20#?.sock"
    bound = serve(None, f"unix:{path}")
    assert path.exists()
    connect(bound).wait_until_serving(20)


def test_socket_is_open_to_this_user_only(serve, short_path: Path) -> None:  # type: ignore[no-untyped-def]
    serve(None, f"unix:{short_path}")
    assert stat.S_IMODE(short_path.stat().st_mode) == 0o600


def test_stop_removes_socket_and_folder(loop) -> None:  # type: ignore[no-untyped-def]
    server = Server(None, address="unix:", token="t" * 16)  # type: ignore[arg-type]
    path = Path(loop.run(server.start()).removeprefix("unix:"))
    assert path.is_socket()
    loop.run(server.stop(0))
    assert not path.parent.exists()


@pytest.mark.parametrize("manner", ["port", "socket"])
def test_second_server_on_one_address_is_refused(serve, short_path: Path, manner: str) -> None:  # type: ignore[no-untyped-def]
    bound = serve(None, "127.0.0.1:0" if manner == "port" else f"unix:{short_path}")
    with pytest.raises(StateError, match=r"Cannot listen at|another process serves"):
        serve(None, bound)


def test_failed_start_leaves_nothing_behind(loop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(Server, "_listen", lambda *_: (_ for _ in ()).throw(StateError("no room")))
    with pytest.raises(StateError, match="no room"):
        loop.run(Server(None, address="unix:", token="t" * 16).start())  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_server_starts_once(loop) -> None:  # type: ignore[no-untyped-def]
    server = Server(None, address="unix:", token="t" * 16)  # type: ignore[arg-type]
    loop.run(server.start())
    with pytest.raises(StateError, match="started already"):
        loop.run(server.start())
    loop.run(server.stop(0))
    loop.run(server.stop(0))


@pytest.mark.parametrize("token", ["", "two words", "a\nb"])
def test_token_that_cannot_travel_is_refused(token: str) -> None:
    with pytest.raises(InvalidInputError, match="token"):
        Server(None, address="unix:", token=token)  # type: ignore[arg-type]


def test_exposed_server_does_not_start() -> None:
    with pytest.raises(InvalidInputError, match="other machines could reach it"):
        Server(None, address="0.0.0.0:0", token="t" * 16)  # type: ignore[arg-type]


def test_wrong_token_is_a_permission_error(serve, connect) -> None:  # type: ignore[no-untyped-def]
    address = serve(None)
    with pytest.raises(PermissionDeniedError, match="carries no token"):
        connect(address, token=None).get("e")
    with pytest.raises(PermissionDeniedError, match=r"not that of this server.*NASCORE_TOKEN_FILE"):
        connect(address, token="wrong").get("e")


def test_proxy_of_the_environment_is_not_asked(serve, connect, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    connect(serve(None, "127.0.0.1:0")).wait_until_serving(20)


@pytest.mark.skipif(os.name == "nt", reason="uvloop does not exist for Windows")
def test_fast_loop_runs_coroutines() -> None:
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        assert runner.run(asyncio.sleep(0, "done")) == "done"
        assert type(runner.get_loop()).__module__.startswith("uvloop")
