"""The server in process: planted defects of servicers and of the log are found; what is merely wrong is refused."""

import pytest
from nascore.errors import InvalidInputError, NotFoundError
from nascore.experiment.engine import Engine
from nascore.service.trials import TrialServicer
from nascore.testing.fuzz import fuzz, open_service
from nascore.testing.fuzz.requests import valid_requests

RENEW = "/nascore.v1.TrialService/RenewLease"
LEASE = "/nascore.v1.TrialService/LeaseTrial"
WORK = "/nascore.v1.TrialService/Work"


def request(path: str) -> bytes:
    return f"{path}\n".encode() + valid_requests()[path][0].SerializeToString()


def test_valid_requests_are_taken_and_reach_the_engine() -> None:
    with open_service() as service:
        report = fuzz(service, [request(path) for path in valid_requests()])
    assert report.is_clean, report
    assert report.accepted > len(valid_requests()) // 2, report


def test_what_is_wrong_is_refused_as_the_status_says() -> None:
    with open_service() as service:
        with pytest.raises(InvalidInputError, match="not a RenewLeaseRequest"):
            service(f"{RENEW}\n".encode() + b"\xff")
        with pytest.raises(InvalidInputError, match="not a WorkRequest"):
            service(f"{WORK}\n".encode() + b"\xff")
        with pytest.raises(NotFoundError, match="no rpc"):
            service(b"/nobody/Here\n")


@pytest.mark.parametrize("path", [RENEW, WORK])
def test_a_servicer_that_raises_is_a_crash(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    async def broken(self: TrialServicer, request: object) -> None:
        raise ZeroDivisionError

    name = "renew_lease" if path == RENEW else "work"
    monkeypatch.setattr(TrialServicer, name, broken)
    with open_service() as service:
        report = fuzz(service, [request(path)])
    assert report.crashed == 1
    assert "ZeroDivisionError" in report.crashes[0].trace


def test_a_state_that_its_log_does_not_lead_to_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Engine.trials
    with open_service() as service:
        service(request(LEASE))
        monkeypatch.setattr(Engine, "trials", lambda self, **parts: real(self, **parts)[1:])
        with pytest.raises(AssertionError, match="leads to other trials"):
            service.check()
        monkeypatch.undo()
