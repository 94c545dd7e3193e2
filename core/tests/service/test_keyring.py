"""The keyring: which grants count now."""

import logging
from pathlib import Path

import pytest
from nascore.service import Grant, Scope, TokenFile, generate_token, make_grant
from nascore.service.keyring import LOOK_S, Keyring


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    return TokenFile(tmp_path / "tokens.json")


def grant() -> Grant:
    return make_grant(Scope.READ, token=generate_token(), now=0)


def test_own_and_written_grants_are_found_and_no_other(file: TokenFile, clock: Clock) -> None:
    own, written, later = grant(), grant(), grant()
    file.add(written)
    keyring = Keyring((own,), file=file, monotonic=clock)
    keyring.admit(later)
    assert keyring.find(own.digest) == own
    assert keyring.find(written.digest) == written
    assert keyring.find(later.digest) == later
    assert keyring.find(grant().digest) is None
    assert keyring.find(b"") is None


def test_new_token_counts_at_once(file: TokenFile, clock: Clock) -> None:
    keyring = Keyring(file=file, monotonic=clock)
    fresh = grant()
    assert keyring.find(fresh.digest) is None
    file.add(fresh)
    assert keyring.find(fresh.digest) == fresh


def test_revoked_token_counts_no_more_once_the_file_is_looked_at(file: TokenFile, clock: Clock) -> None:
    one = grant()
    file.add(one)
    keyring = Keyring(file=file, monotonic=clock)
    file.revoke(one.id)
    clock.now += LOOK_S
    assert keyring.find(one.digest) is None


def test_removed_file_takes_its_tokens_with_it(file: TokenFile, clock: Clock) -> None:
    own, written = grant(), grant()
    file.add(written)
    keyring = Keyring((own,), file=file, monotonic=clock)
    file.path.unlink()
    clock.now += LOOK_S
    assert keyring.find(written.digest) is None
    assert keyring.find(own.digest) == own


@pytest.mark.parametrize("spoil", ["garbage", "open to all"])
def test_file_that_cannot_be_trusted_opens_nothing(
    file: TokenFile, clock: Clock, spoil: str, caplog: pytest.LogCaptureFixture
) -> None:
    own, written = grant(), grant()
    file.add(written)
    keyring = Keyring((own,), file=file, monotonic=clock)
    if spoil == "garbage":
        file.path.write_bytes(b"{}")
    else:
        file.path.chmod(0o606)
    clock.now += LOOK_S
    with caplog.at_level(logging.ERROR):
        assert keyring.find(written.digest) is None
    assert keyring.find(own.digest) == own
    assert "No token of the file is taken" in caplog.text


def test_line_of_a_file_does_not_take_the_place_of_the_servers_own(file: TokenFile, clock: Clock) -> None:
    token = generate_token()
    own = make_grant(Scope.READ, token=token, now=0)
    file.add(make_grant(Scope.ADMIN, token=token, now=0))
    assert Keyring((own,), file=file, monotonic=clock).find(own.digest) == own


def test_file_is_read_only_when_it_has_changed(file: TokenFile, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    one = grant()
    file.add(one)
    keyring = Keyring(file=file, monotonic=clock)
    reads = []
    monkeypatch.setattr(TokenFile, "read", lambda self: reads.append(1) or ())
    for _ in range(50):
        clock.now += 1
        assert keyring.find(one.digest) == one
    assert reads == []
