"""Addresses: what is refused says why, what is taken is written back the same."""

import pytest
from nascore.client import TcpAddress, UnixAddress, parse_address
from nascore.errors import InvalidInputError, UnavailableError


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not host:port"),
        ("localhost", "not host:port"),
        (":8470", "not host:port"),
        ("::1:8470", "not host:port"),
        ("http://localhost:8470", r"no scheme belongs here. Write localhost:8470"),
        ("grpc://h:1", "no scheme"),
        ("localhost:", "the port ''"),
        ("localhost:http", "the port 'http'"),
        ("localhost:65536", "not within 0 and 65535"),
        ("localhost:-1", "the port '-1'"),
        ("localhost:٣", "the port"),
        ("user@host:1", "characters no host has"),
        ("a b:1", "characters no host has"),
        ("a\nb:1", "characters no host has"),
        ("[::g]:1", "not an IPv6 address"),
        ("[127.0.0.1]:1", "not an IPv6 address"),
        ("unix:relative.sock", "must be absolute"),
        ("unix://host/path", "must be absolute"),
        ("unix:/a\0b", "absolute"),
        ("unix:/" + "a" * 107, "has 108 bytes, at most 107"),
        ("unix:/" + "ä" * 54, "has 109 bytes"),
        ("unix:/a,b/s", "cannot connect to a path with a comma"),
    ],
)
def test_malformed_address_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(InvalidInputError, match=sentence):
        parse_address(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8470", TcpAddress("127.0.0.1", 8470)),
        ("localhost:0", TcpAddress("localhost", 0)),
        ("[::1]:8470", TcpAddress("::1", 8470)),
        ("unix:/run/nascore.sock", UnixAddress("/run/nascore.sock")),
        ("unix:/" + "a" * 106, UnixAddress("/" + "a" * 106)),
        ("unix:", UnixAddress("")),
    ],
)
def test_address_is_written_back_as_it_was_read(text: str, address: object) -> None:
    parsed = parse_address(text)
    assert parsed == address
    assert str(parsed) == text


def test_unix_uri_with_empty_authority_is_the_same_path() -> None:
    assert parse_address("unix:///run/x.sock") == UnixAddress("/run/x.sock")


def test_path_is_escaped_for_grpc() -> None:
    assert UnixAddress("/a b/50%#?").target == "unix:/a%20b/50%25%23%3F"


@pytest.mark.parametrize("text", ["127.0.0.1:1", "127.8.9.1:1", "[::1]:1", "localhost:1", "unix:/x"])
def test_own_machine_is_loopback(text: str) -> None:
    assert parse_address(text).is_loopback()


@pytest.mark.parametrize("text", ["0.0.0.0:1", "[::]:1", "192.0.2.7:1", "[2001:db8::1]:1", "[::ffff:192.0.2.7]:1"])
def test_reachable_address_is_not_loopback(text: str) -> None:
    assert not parse_address(text).is_loopback()


def test_host_that_does_not_resolve_is_named() -> None:
    with pytest.raises(UnavailableError, match=r"the host 'nowhere\.invalid' cannot be resolved"):
        parse_address("nowhere.invalid:1").is_loopback()
