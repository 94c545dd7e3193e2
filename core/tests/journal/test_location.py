from pathlib import Path

import pytest
from nascore.errors import InvalidInputError
from nascore.journal import PostgresUrl, parse_location


@pytest.mark.parametrize("text", ["log.db", "/x/y.sqlite", "./a b", "C.db", "~/x.db"])
def test_anything_without_a_scheme_is_a_file(text):
    assert parse_location(text) == Path(text).expanduser()
    assert parse_location(Path("x")) == Path("x")


@pytest.mark.parametrize(
    ("text", "public", "secrets"),
    [
        ("postgresql://h/db", "postgresql://h/db", {}),
        ("postgres://u@h:5433/db", "postgresql://u@h:5433/db", {}),
        ("postgresql://u:s%40crEt@h/db", "postgresql://u@h/db", {"password": "s@crEt"}),
        ("postgresql://u:a:b@h1:1,h2:2/db", "postgresql://u@h1:1,h2:2/db", {"password": "a:b"}),
        ("postgresql://:pw@h/db", "postgresql://h/db", {"password": "pw"}),
        ("postgresql:///db?host=/run/x&password=s%3Dx", "postgresql:///db?host=/run/x", {"password": "s=x"}),
        ("postgresql://h?sslpassword=kk7&pass%77ord=pp8", "postgresql://h", {"sslpassword": "kk7", "password": "pp8"}),
        ("postgresql://[::1]:5/db?sslmode=require", "postgresql://[::1]:5/db?sslmode=require", {}),
        ("postgresql://?service=mine", "postgresql://?service=mine", {}),
    ],
)
def test_url_is_kept_without_its_passwords(text, public, secrets):
    location = parse_location(text)
    assert isinstance(location, PostgresUrl)
    assert str(location) == location.public == public
    assert dict(location.secrets) == secrets
    assert location == parse_location(public)
    assert hash(location) == hash(parse_location(public))
    for secret in secrets.values():
        assert secret not in repr(location)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://u:canary@x@h/db",
        "postgresql://u:canary/x@h/db",
        "postgresql://u:canary?x@h/db",
        "postgresql://u:canary#x@h/db",
        "postgresql://u:canary x@h/db",
        "postgresql://u:canary\n@h/db",
        "postgresql://u:canary\0@h/db",
        "mysql://u:canary@h/db",
        "sqlite:///canary.db",
        "postgresql+psycopg://u:canary@h/db",
        "",
    ],
)
def test_wrong_address_is_refused_without_repeating_it(text):
    with pytest.raises(InvalidInputError) as caught:
        parse_location(text)
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert "postgresql://USER@HOST" in str(caught.value) or "empty" in str(caught.value)


def test_text_that_came_to_hold_a_password_is_redacted():
    location = parse_location("postgresql://u:canary@h/db")
    assert location.redacted('could not translate "canary@h"') == 'could not translate "***@h"'
    assert parse_location("postgresql://u:ab@h/db").redacted("about") == "about"
