"""Secrets of nascore are told from what users put into the environment."""

import pytest
from nascore.secrecy import is_secret


@pytest.mark.parametrize(
    "name",
    ["NASCORE_TOKEN", "NASCORE_TOKEN_FILE", "NASCORE_TUNER_TOKEN", "NASCORE_DATABASE", "NASCORE_RUN_DATABASE",
     "NASCORE_SERVE_TLS_KEY"],
)  # fmt: skip
def test_what_may_hold_a_secret_is_one(name):
    assert is_secret(name)


@pytest.mark.parametrize("name", ["NASCORE_HOME", "NASCORE_WORKER", "MY_TOKEN", "DATABASE", "WANDB_API_KEY"])
def test_what_is_the_users_stays_the_users(name):
    assert not is_secret(name)
