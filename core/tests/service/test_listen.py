"""Where a server may listen, over real sockets."""

import os
import socket
import stat
from pathlib import Path

import pytest
from nascore.client import UnixAddress, parse_address
from nascore.errors import InvalidInputError, StateError
from nascore.service.listen import SocketPlace, check_exposure


@pytest.mark.parametrize("text", ["0.0.0.0:0", "[::]:8470", "192.0.2.7:8470"])
def test_exposed_address_without_tls_is_refused_with_the_way_out(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"other machines could reach it.*--tls-cert.*ssh -L"):
        check_exposure(parse_address(text), has_tls=False, has_token=True)


@pytest.mark.parametrize("text", ["0.0.0.0:0", "127.0.0.1:0", "unix:"])
def test_server_without_token_is_refused_everywhere(text: str) -> None:
    with pytest.raises(InvalidInputError, match="needs a token"):
        check_exposure(parse_address(text), has_tls=True, has_token=False)


def test_exposed_address_with_tls_and_token_is_taken() -> None:
    check_exposure(parse_address("0.0.0.0:0"), has_tls=True, has_token=True)


def test_fresh_socket_lives_in_a_private_folder_that_goes_with_it() -> None:
    place = SocketPlace(UnixAddress(""))
    folder = Path(place.address.path).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    place.release()
    assert not folder.exists()


def test_deep_temporary_folder_does_not_break_the_path_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    place = SocketPlace(UnixAddress(""))
    assert len(os.fsencode(place.address.path)) <= 107
    place.release()
    assert list(deep.iterdir()) == []


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
