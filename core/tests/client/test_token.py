"""Tokens as callers hold them."""

from pathlib import Path

import pytest
from nascore.client import read_token
from nascore.errors import InvalidInputError, PermissionDeniedError


def test_missing_file_says_where_it_comes_from(tmp_path: Path) -> None:
    with pytest.raises(PermissionDeniedError, match=r"token file .*none: cannot be read .*NASCORE_TOKEN_FILE"):
        read_token(tmp_path / "none")


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"caf\xc3\xa9", b"a\x00b", b"x" * 4097, b"a\nb"])
def test_file_without_a_token_is_refused_and_not_shown(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(InvalidInputError, match="token file") as caught:
        read_token(tmp_path / "token")
    assert "two words" not in str(caught.value)


def test_token_is_read_without_the_line_end(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret-token\n")
    assert read_token(tmp_path / "token").reveal() == "s3cret-token"
