"""What requests may hold of the server's memory, and who is refused when there is no room."""

import asyncio
import re
from typing import Any

import grpc
import pytest
from nascore.errors import ExhaustedResourceError, InvalidInputError
from nascore.experiment import Change
from nascore.experiment.requests import MAX_AT_WORK, MAX_EXPERIMENTS, check_room
from nascore.record import EndReason, ExperimentRecord, ExperimentSpec, Proposal, Report, TrialRecord, TrialState
from nascore.service import checks
from nascore.service.admission import MAX_NAMING_BYTES, SMALL_BYTES, Admission
from nascore.service.dispatch import service_handler
from nascore.service.drain import Drain
from nascore.service.experiments import ExperimentServicer
from nascore.service.pages import MAX_MESSAGE_BYTES, all_experiments, whole
from nascore.space import Architecture, Candidate, OneOf, SearchSpace
from nascore.v1 import experiment_pb2, trial_pb2

TRIALS = trial_pb2.DESCRIPTOR.services_by_name["TrialService"]
LEASE, REGISTER, WORK = (TRIALS.methods_by_name[name] for name in ("LeaseTrial", "RegisterSpace", "Work"))
RECORD = ExperimentRecord("abcdefgh", ExperimentSpec("random"))


def test_small_requests_always_find_room() -> None:
    admission = Admission(requests_bytes=1)
    with admission.held(LEASE, SMALL_BYTES), admission.held(LEASE, SMALL_BYTES):
        assert admission.held_bytes == 0


def test_large_requests_share_a_budget_and_give_it_back() -> None:
    admission = Admission(requests_bytes=100_000)
    with admission.held(REGISTER, 60_000):
        with admission.held(REGISTER, 40_000):
            assert admission.held_bytes == 100_000
        with pytest.raises(ExhaustedResourceError, match=r"RegisterSpace: no room .* 50,000 .* 60,000 of 100,000"):
            admission.held(REGISTER, 50_000).__enter__()
    assert admission.held_bytes == 0


def test_one_request_finds_room_however_large() -> None:
    admission = Admission(requests_bytes=10)
    with admission.held(REGISTER, 4 << 20):
        assert admission.held_bytes == 4 << 20


def test_a_request_of_names_must_be_small() -> None:
    with pytest.raises(InvalidInputError, match=r"LeaseTrial: a request of 65,537 bytes; it holds names and numbers"):
        Admission().held(LEASE, MAX_NAMING_BYTES + 1).__enter__()
    for method in (REGISTER, WORK):
        with Admission().held(method, MAX_NAMING_BYTES + 1):
            pass


def test_room_is_given_back_when_work_fails() -> None:
    admission = Admission()
    with pytest.raises(ZeroDivisionError), admission.held(REGISTER, 60_000):
        raise ZeroDivisionError
    assert admission.held_bytes == 0


def _trial(number: int, *, reports: int = 0, label: str = "a") -> TrialRecord:
    told = tuple(Report(number, step, {"accuracy": 0.5}) for step in range(reports))
    return TrialRecord(number, TrialState.SUCCEEDED, Proposal(number, Architecture({"op": label})), reports=told)


def test_the_best_trials_come_whole_or_not_at_all() -> None:
    few = whole([_trial(number, reports=2) for number in range(3)])
    assert [len(message.reports) for message in few] == [2, 2, 2]
    many = whole([_trial(number, reports=1000) for number in range(21)])
    assert [len(message.reports) for message in many] == [0] * 21
    large = whole([_trial(number, reports=1, label="x" * 200_000) for number in range(15)])
    assert [len(message.reports) for message in large] == [1] * 15
    with pytest.raises(ExhaustedResourceError, match=r"best 16 trials have 3,2\d+,\d+ bytes") as caught:
        whole([_trial(number, label="x" * 200_000) for number in range(16)])
    assert "Ask for fewer" in caught.value.hint


def test_a_list_of_experiments_leaves_their_spaces_out_where_they_do_not_fit() -> None:
    space = SearchSpace((OneOf("op", tuple(Candidate(f"{place:0256}") for place in range(5000))),))
    wide = ExperimentRecord("abcdefgh", ExperimentSpec("random", space=space))
    assert all_experiments([wide])[0].spec.HasField("space")
    assert not any(message.spec.HasField("space") for message in all_experiments([wide] * 3))
    troubled = ExperimentRecord("abcdefgh", ExperimentSpec("random"), trouble="x" * 4000)
    with pytest.raises(ExhaustedResourceError, match=r"The 1,000 experiments .* fit an answer"):
        all_experiments([troubled] * 1000)


def test_the_number_of_experiments_is_bounded() -> None:
    ended = ExperimentRecord("abcdefgh", ExperimentSpec("random"), end_reason=EndReason.STOPPED)
    check_room([RECORD] * (MAX_AT_WORK - 1) + [ended] * 1000)
    with pytest.raises(ExhaustedResourceError, match="256 experiments that have not ended"):
        check_room([RECORD] * MAX_AT_WORK)
    with pytest.raises(ExhaustedResourceError, match="10,000 experiments, as many as it keeps"):
        check_room([ended] * MAX_EXPERIMENTS)


class Watched:
    """Stands for Experiments and Engine: changes come when a test says so."""

    def get(self, identifier: str) -> "Watched":
        return self

    async def watch(self, after_seq: int) -> Any:
        yield Change(1, experiment=RECORD)
        await asyncio.sleep(60)


async def test_the_number_of_watchers_is_bounded_and_leaving_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MAX_WATCHERS", 2)
    servicer = ExperimentServicer(Watched())  # type: ignore[arg-type]  # it has what is asked of it
    request = experiment_pb2.WatchExperimentRequest(experiment="e")
    watchers = [servicer.watch_experiment(request) for _ in range(3)]
    for watcher in watchers[:2]:
        assert (await anext(watcher)).seq == 1
    with pytest.raises(ExhaustedResourceError, match="2 watchers, as many as it serves"):
        await anext(watchers[2])
    await watchers[0].aclose()
    latest = servicer.watch_experiment(request)
    assert (await anext(latest)).seq == 1
    await latest.aclose()
    await watchers[1].aclose()


class Talkative:
    """A servicer whose answers are larger than a message."""

    def __getattr__(self, name: str) -> object:
        return self.answer

    async def answer(self, request: object) -> trial_pb2.WorkResponse:
        return trial_pb2.WorkResponse(status=bytes(MAX_MESSAGE_BYTES + 1))


class Call:
    """All that a handler asks of a call."""

    def set_code(self, code: grpc.StatusCode) -> None:
        self.code = code

    def set_details(self, details: str) -> None:
        self.details = details

    def set_trailing_metadata(self, trailing: object) -> None:
        pass


async def test_an_answer_over_4_mib_says_of_what_it_is() -> None:
    handler: Any = service_handler(TRIALS, Talkative(), drain=Drain())
    details: Any = type("Details", (), {"method": "/nascore.v1.TrialService/RenewLease"})
    behaviour = handler.service(details).unary_unary
    call = Call()
    assert await behaviour(b"", call) == b""
    assert call.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert re.match(r"RenewLease: the answer has 4,194,\d+ bytes", call.details)
