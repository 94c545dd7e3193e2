"""Where a server may listen, over real sockets: what counts is what an address resolves to."""

import os
import socket
import stat
from pathlib import Path

import pytest
from nascore.client import TcpAddress, UnixAddress, parse_address
from nascore.errors import InvalidInputError, StateError, UnavailableError
from nascore.service.listen import SocketPlace, check_port, is_loopback, safe_address

EXPOSED = [
    "0.0.0.0:0",
    "[::]:8470",
    "192.0.2.7:8470",
    "[::ffff:0.0.0.0]:1",
    "[::ffff:192.0.2.7]:1",
    "0:1",
    "[2001:db8::1]:1",
]


@pytest.mark.parametrize("text", EXPOSED)
def test_exposed_address_without_tls_is_refused_with_the_way_out(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"other machines could reach it.*--tls-cert.*ssh -L"):
        safe_address(parse_address(text), has_tls=False, has_token=True)


@pytest.mark.parametrize("text", ["0.0.0.0:0", "127.0.0.1:0", "unix:"])
def test_server_without_token_is_refused_everywhere(text: str) -> None:
    with pytest.raises(InvalidInputError, match="needs a token"):
        safe_address(parse_address(text), has_tls=True, has_token=False)


@pytest.mark.parametrize("text", EXPOSED)
def test_exposed_address_with_tls_and_token_is_taken_as_it_is(text: str) -> None:
    address = parse_address(text)
    assert safe_address(address, has_tls=True, has_token=True) == address


@pytest.mark.parametrize("text", ["127.0.0.1:1", "127.1.2.3:1", "[::1]:1", "localhost:1", "127.1:1", "2130706433:1"])
def test_address_of_this_machine_becomes_the_ip_that_was_checked(text: str) -> None:
    safe = safe_address(parse_address(text), has_tls=False, has_token=True)
    assert is_loopback(safe.host)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("ip", "is_own"),
    [
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:0.0.0.0", False),
        ("::ffff:10.0.0.1", False),
        ("::", False),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("169.254.169.254", False),
        ("fe80::1", False),
        ("64:ff9b::7f00:1", False),
        ("::127.0.0.1", False),
    ],
)
def test_loopback_is_told_by_the_address_and_not_by_how_it_looks(ip: str, is_own: bool) -> None:
    assert is_loopback(ip) is is_own


def resolving(*ips: str):  # type: ignore[no-untyped-def]
    def resolve(host: str, port: int, **_: object) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ips]

    return resolve


@pytest.mark.parametrize("ips", [("192.0.2.7",), ("127.0.0.1", "192.0.2.7"), ("::1", "::"), ("::ffff:192.0.2.7",)])
def test_poisoned_localhost_is_refused_and_what_it_means_is_said(
    monkeypatch: pytest.MonkeyPatch, ips: tuple[str, ...]
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolving(*ips))
    with pytest.raises(InvalidInputError, match=rf"address localhost:0 \(it means {ips[-1]}\): other machines could"):
        safe_address(parse_address("localhost:0"), has_tls=False, has_token=True)


def test_name_that_means_another_address_later_is_bound_as_it_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter((["127.0.0.1"], ["192.0.2.7"], ["192.0.2.7"]))
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, port, **_: resolving(*next(answers))(host, port))
    safe = safe_address(parse_address("rebinding.example:1"), has_tls=False, has_token=True)
    assert safe.host == "127.0.0.1"  # type: ignore[union-attr]


def test_name_that_means_nothing_is_refused() -> None:
    with pytest.raises(UnavailableError, match="cannot be resolved"):
        safe_address(parse_address("no-such-host.invalid:1"), has_tls=True, has_token=True)


def test_certificate_for_a_socket_of_this_machine_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="not spoken to with TLS"):
        safe_address(UnixAddress(""), has_tls=True, has_token=True)


def test_fresh_socket_lives_in_a_private_folder_that_goes_with_it() -> None:
    place = SocketPlace(UnixAddress(""))
    folder = Path(place.address.path).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    place.release()
    assert not folder.exists()


def test_socket_is_this_users_only_from_its_first_moment(short_path: Path) -> None:
    place = SocketPlace(UnixAddress(str(short_path)))
    before = os.umask(0)
    try:
        with place.private(), socket.socket(socket.AF_UNIX) as made:
            made.bind(str(short_path))
        assert os.umask(0) == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE(short_path.stat().st_mode) & 0o077 == 0


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_folder_that_others_may_write_to_is_refused(short_path: Path, mode: int) -> None:
    short_path.parent.chmod(mode)
    with pytest.raises(InvalidInputError, match=r"other users may write to .*chmod go-w"):
        SocketPlace(UnixAddress(str(short_path)))


def test_folder_in_which_each_keeps_what_is_his_is_taken(short_path: Path) -> None:
    short_path.parent.chmod(0o1777)
    SocketPlace(UnixAddress(str(short_path)))


def test_deep_temporary_folder_does_not_break_the_path_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    place = SocketPlace(UnixAddress(""))
    assert len(os.fsencode(place.address.path)) <= 107
    place.release()
    assert list(deep.iterdir()) == []


def test_temporary_folder_with_a_comma_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a,b"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    place = SocketPlace(UnixAddress(""))
    assert "," not in place.address.path
    place.release()
    assert list(folder.iterdir()) == []


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="there is no folder"):
        SocketPlace(UnixAddress(f"{tmp_path}/none/s"))


def test_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("precious")
    with pytest.raises(InvalidInputError, match="no socket"):
        SocketPlace(UnixAddress(f"{tmp_path}/s"))
    assert (tmp_path / "s").read_text() == "precious"


def test_socket_of_a_live_server_is_left_alone(short_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as live:
        live.bind(str(short_path))
        live.listen()
        with pytest.raises(StateError, match="another process serves there"):
            SocketPlace(UnixAddress(str(short_path)))
        assert short_path.exists()


def test_socket_of_a_dead_server_is_replaced(short_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(short_path))
    SocketPlace(UnixAddress(str(short_path)))
    assert not short_path.exists()


def test_dead_socket_that_cannot_be_removed_is_named(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(short_path))
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(PermissionError(1, "Not permitted")))
    with pytest.raises(InvalidInputError, match=r"cannot be removed \(Not permitted\).*another user's"):
        SocketPlace(UnixAddress(str(short_path)))


def test_a_port_that_is_taken_is_refused_with_the_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StateError, match=f"Cannot listen at 127.0.0.1:{port}: Address already in use\\."):
            check_port(TcpAddress("127.0.0.1", port))
    check_port(TcpAddress("localhost", 0))


def test_a_port_at_which_nobody_listens_is_taken() -> None:
    with socket.socket() as deaf:  # It keeps the port from others, and shares it with who listens there.
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        deaf.bind(("127.0.0.1", 0))
        check_port(TcpAddress("127.0.0.1", deaf.getsockname()[1]))


def test_an_address_of_another_machine_cannot_be_bound() -> None:
    with pytest.raises(StateError, match=r"Cannot listen at 192\.0\.2\.7:8470: Cannot assign requested address\."):
        check_port(TcpAddress("192.0.2.7", 8470))
