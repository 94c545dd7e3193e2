"""What a request must hold: each refusal names the field, the value and the rule."""

import pytest
from nascore.errors import InvalidInputError, SettingsError
from nascore.service import checks


@pytest.mark.parametrize("value", ["", "x" * 65])
def test_request_id_has_1_to_64_characters(value: str) -> None:
    with pytest.raises(InvalidInputError, match=rf"request_id: {len(value)} characters, 1 to 64"):
        checks.request_id(value)
    assert checks.request_id("x" * 64) == "x" * 64


@pytest.mark.parametrize("value", ["", "w" * 257, "a\nb", "a\x1b[2J"])
def test_worker_has_1_to_256_printable_characters(value: str) -> None:
    with pytest.raises(InvalidInputError, match="worker: "):
        checks.worker(value)
    assert checks.worker("Arbeiter ä 1") == "Arbeiter ä 1"


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("-inf")])
def test_senseless_wait_is_refused(value: float) -> None:
    with pytest.raises(InvalidInputError, match=r"max_wait_s: .* is not a number of seconds"):
        checks.wait(value, "max_wait_s")


def test_long_wait_is_cut_to_a_minute() -> None:
    assert [checks.wait(value, "w") for value in (0.0, 5.0, 61.0, float("inf"))] == [0.0, 5.0, 60.0, 60.0]


@pytest.mark.parametrize("token", ["x", "-1", "1.5", "٣", "9" * 21, " 1"])
def test_foreign_page_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidInputError, match="page_token"):
        checks.page_start(token)


def test_pages_begin_after_the_last_number() -> None:
    assert (checks.page_start(""), checks.page_start("17")) == (-1, 17)


@pytest.mark.parametrize(
    "name", ["exec:rm -rf /", "grpc://10.0.0.1:1", "../x", "", "a b", "-x", "a/b", "a\n", "x" * 257]
)
def test_commands_and_addresses_are_no_tuner_names(name: str) -> None:
    with pytest.raises(SettingsError, match="is not a name"):
        checks.tuner_name(name)
    assert checks.tuner_name("regularized-evolution_2.0") == "regularized-evolution_2.0"
