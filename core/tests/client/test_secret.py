"""Secrets do not show by accident."""

import copy
import json
import logging
import traceback

import pytest
from nascore.client import Client, Secret

CANARY = "canary-7c1f4e"


@pytest.mark.parametrize(
    "shown",
    [
        repr(Secret(CANARY)),
        str(Secret(CANARY)),
        f"{Secret(CANARY)}",
        f"{Secret(CANARY)!r:>40}",
        "%s %r" % (Secret(CANARY), Secret(CANARY)),  # noqa: UP031 - the manner of logging
        repr([Secret(CANARY)]),
        repr({"token": Secret(CANARY)}),
    ],
)
def test_no_way_of_printing_shows_it(shown: str) -> None:
    assert CANARY not in shown
    assert "hidden" in shown


def test_it_is_revealed_when_asked_for() -> None:
    assert Secret(CANARY).reveal() == CANARY


def test_it_is_neither_pickled_nor_copied_nor_put_into_json() -> None:
    for use in (copy.copy, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError):
            use(Secret(CANARY))


def test_equal_secrets_are_equal_and_no_text_is() -> None:
    assert Secret(CANARY) == Secret(CANARY)
    assert len({Secret(CANARY), Secret(CANARY)}) == 1
    assert Secret(CANARY) != Secret("other")
    assert Secret(CANARY) != CANARY


def test_log_and_traceback_of_what_holds_one_do_not_show_it(caplog: pytest.LogCaptureFixture) -> None:
    with Client("unix:/nowhere", token=CANARY, patience_s=0) as client:
        logging.getLogger("nascore").error("%s %r", client, vars(client))
        try:
            client.get("x")
        except Exception as error:
            shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=False).format())
    assert CANARY not in caplog.text + shown
