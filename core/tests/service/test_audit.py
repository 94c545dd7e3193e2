"""What is written of calls that were refused or changed something."""

import logging
from collections.abc import Iterable, Mapping

import pytest
from nascore.service import Scope, generate_token, make_grant
from nascore.service.audit import MOST_A_SECOND, Audit

GRANT = make_grant(Scope.READ, token=generate_token(), now=0)


class Peer:
    def __init__(self, **known: list[bytes]) -> None:
        self._known = known

    def peer(self) -> str:
        return "ipv4:10.0.0.7:4711"

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        return self._known


def test_refusal_names_call_token_caller_and_reason(caplog: pytest.LogCaptureFixture) -> None:
    Audit().refused("/p.S/M", GRANT, Peer(), why="It ran out.")
    assert caplog.messages == [f"Refused /p.S/M to token {GRANT.id} (read), at ipv4:10.0.0.7:4711: It ran out."]
    assert caplog.records[0].name == "nascore.audit"
    assert caplog.records[0].levelno == logging.WARNING


def test_change_names_the_certificate_of_the_caller(caplog: pytest.LogCaptureFixture) -> None:
    peer = Peer(x509_common_name=[b"worker-7"], x509_subject_alternative_name=[b"worker-7", b"w7.example"])
    with caplog.at_level(logging.INFO):
        Audit().let_in("/p.S/M", GRANT, peer)
    assert f"by token {GRANT.id} (read), certificate worker-7/w7.example, at ipv4:10.0.0.7" in caplog.text


def test_nothing_of_a_caller_steers_terminal_or_log(caplog: pytest.LogCaptureFixture) -> None:
    peer = Peer(x509_common_name=[b"evil\n\x1b[2J\xff"])
    Audit().refused("/p.S/M\r\nforged line" + "x" * 5000, None, peer, why="\x07")
    (message,) = caplog.messages
    assert message.isprintable()
    assert len(message) < 1000


def test_flood_of_refusals_is_counted_and_not_written(caplog: pytest.LogCaptureFixture) -> None:
    now = [5.0]
    audit = Audit(monotonic=lambda: now[0])
    for _ in range(1000):
        audit.refused("/p.S/M", None, Peer(), why="no")
    assert len(caplog.messages) == MOST_A_SECOND
    now[0] = 6.0
    audit.refused("/p.S/M", None, Peer(), why="no")
    assert caplog.messages[-2] == f"{1000 - MOST_A_SECOND} more refusals were not written down."
