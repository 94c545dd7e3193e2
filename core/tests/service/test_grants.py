"""Grants and the making of tokens."""

import pytest
from nascore.client import Secret
from nascore.errors import InvalidInputError
from nascore.service import Scope, generate_token, make_grant


def test_tokens_are_long_and_differ() -> None:
    tokens = {generate_token().reveal() for _ in range(50)}
    assert len(tokens) == 50
    assert all(len(token) >= 43 for token in tokens)


@pytest.mark.parametrize("token", ["admin", "password", "changeme", "x" * 15])
def test_token_that_could_be_guessed_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(InvalidInputError, match="at least 16 are needed") as caught:
        make_grant(Scope.READ, token=Secret(token), now=0)
    assert token not in str(caught.value)


def test_grant_keeps_and_shows_nothing_of_its_token() -> None:
    token = generate_token()
    grant = make_grant(Scope.WORKER, token=token, now=0)
    assert token.reveal() not in repr(grant)
    assert grant.digest.hex() not in repr(grant)
    assert str(grant.digest) not in repr(grant)


def test_ids_differ_and_have_nothing_of_the_token() -> None:
    token = generate_token()
    grants = [make_grant(Scope.READ, token=token, now=0) for _ in range(20)]
    assert len({grant.id for grant in grants}) == 20
    assert not any(grant.digest.hex().startswith(grant.id) for grant in grants)


@pytest.mark.parametrize(("now", "is_expired"), [(99.9, False), (100.0, True), (101.0, True)])
def test_grant_is_worth_nothing_from_its_end_on(now: float, is_expired: bool) -> None:
    assert make_grant(Scope.READ, token=generate_token(), now=0, expires_at=100.0).is_expired(now) is is_expired


def test_restriction_that_would_not_hold_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="admin token is good for the whole server"):
        make_grant(Scope.ADMIN, token=generate_token(), now=0, experiments=("abcdefgh",))
    with pytest.raises(InvalidInputError, match="names of workers belong to the scope worker, not to read"):
        make_grant(Scope.READ, token=generate_token(), now=0, workers=("w",))
