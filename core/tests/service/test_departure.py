"""Which errors of gRPC mean that a caller has left, and which are ours."""

import logging

import grpc
import pytest
from nascore.service.departure import expect_departures, is_departure

LEFT = grpc.aio.InternalError('Failed "execute_batch": (<SendMessageOperation object>,)')
OURS = grpc.aio.InternalError("Failed grpc_call_start_batch: 8 with grpc_call_error value: 'TOO_MANY_OPERATIONS'")


@pytest.mark.parametrize(("error", "is_one"), [(LEFT, True), (OURS, False), (ValueError("x"), False), (None, False)])
def test_only_a_batch_that_failed_on_its_way_is_a_departure(error: Exception | None, is_one: bool) -> None:
    assert is_departure(error) is is_one


def test_departures_are_not_logged_and_all_else_is(caplog: pytest.LogCaptureFixture) -> None:
    expect_departures()
    log = logging.getLogger("grpc._cython.cygrpc")
    log.error("left", exc_info=LEFT)
    log.error("ours", exc_info=OURS)
    log.error("plain")
    assert [record.message for record in caplog.records] == ["ours", "plain"]
