"""A server that nobody typed: the message says which variable named it, and how to do without it."""

from pathlib import Path

import pytest


@pytest.mark.parametrize("verb", ["resume", "show", "stop"])
def test_server_of_the_environment_that_is_gone_is_named_with_its_variable(nascore, tmp_path: Path, verb: str) -> None:  # type: ignore[no-untyped-def]
    gone = f"unix:{tmp_path}/gone.sock"
    ran = nascore(verb, NASCORE_SERVER=gone)
    assert ran.returncode == 1
    said = " ".join(ran.stderr.split())
    assert f"NASCORE_SERVER is set in the environment, to {gone}, and no server answers there" in said
    assert "unset NASCORE_SERVER" in said


def test_server_that_was_typed_is_not_blamed_on_the_environment(nascore, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    ran = nascore("show", "--server", f"unix:{tmp_path}/gone.sock")
    assert ran.returncode == 1
    assert "set in the environment" not in ran.stderr
