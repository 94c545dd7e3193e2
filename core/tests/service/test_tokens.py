"""The file of tokens: digests only, changed in one step, and never taken for what it is not."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from nascore.errors import DataLossError, ExhaustedResourceError, NotFoundError
from nascore.service import Grant, Scope, TokenFile, generate_token, make_grant


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    return TokenFile(tmp_path / "tokens.json")


def grant(**parts: object) -> Grant:
    return make_grant(Scope.WORKER, **{"token": generate_token(), "now": 5.0, **parts})  # type: ignore[arg-type]


def test_grants_come_back_as_they_were_added(file: TokenFile) -> None:
    assert file.read() == ()
    grants = (grant(experiments=("abcdefgh",), workers=("w-0", "w-1"), expires_at=9.5), grant())
    for one in grants:
        file.add(one)
    assert file.read() == grants


def test_file_is_private_and_has_no_token(file: TokenFile) -> None:
    token = generate_token()
    file.add(grant(token=token))
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert token.reveal() not in file.path.read_text()


def test_revoked_grant_is_gone_and_the_others_stay(file: TokenFile) -> None:
    first, second = grant(), grant()
    file.add(first)
    file.add(second)
    assert file.revoke(first.id) == first
    assert file.read() == (second,)
    with pytest.raises(NotFoundError, match=first.id):
        file.revoke(first.id)


def test_writers_at_the_same_time_lose_nothing(file: TokenFile) -> None:
    with ThreadPoolExecutor(4) as pool:  # A lock is of the open folder, so threads are as good as processes.
        list(pool.map(lambda _: TokenFile(file.path).add(grant()), range(24)))
    assert len(file.read()) == 24


def changed(**parts: object) -> bytes:
    entry = {
        "id": "a",
        "scope": "worker",
        "sha256": "00" * 32,
        "experiments": [],
        "workers": [],
        "expires_at": None,
        "created_at": 1,
    }
    return json.dumps({"version": 1, "tokens": [{**entry, **parts}]}).encode()


def test_the_entry_that_is_spoiled_below_is_good(file: TokenFile) -> None:
    file.path.write_bytes(changed())
    file.path.chmod(0o600)
    assert file.read()[0].scope is Scope.WORKER


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"version": 2, "tokens": []}',
        b'{"version": 1}',
        b'{"version": 1, "tokens": [1]}',
        changed(scope="root"),
        changed(sha256="00"),
        changed(sha256="xyz"),
        # What means "all" where it is empty must not become empty by mistake.
        changed(experiments=None),
        changed(experiments="abcdefgh"),
        changed(experiments=[1]),
        changed(workers={}),
        changed(expires_at="tomorrow"),
        changed(expires_at=True),
        changed(scope="admin", experiments=["abcdefgh"]),
        b"[" * 100_000,
    ],
)
def test_file_that_is_not_what_was_written_is_refused(file: TokenFile, content: bytes) -> None:
    file.path.write_bytes(content)
    file.path.chmod(0o600)
    with pytest.raises(DataLossError, match=r"tokens\.json: not what nascore wrote there.*no token in it is taken"):
        file.read()


def test_there_is_an_end_to_the_number_of_tokens(file: TokenFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nascore.service.tokens.MAX_TOKENS", 2)
    file.add(grant())
    file.add(grant())
    with pytest.raises(ExhaustedResourceError, match="2 tokens already"):
        file.add(grant())
