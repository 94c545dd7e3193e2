"""The exchange of samples over real sockets: a worker, a server, and a tuner in a process of its own."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nascore.client import Client
from nascore.client.exchange import RemoteExchange
from nascore.client.secret import Secret
from nascore.errors import (
    ExhaustedResourceError,
    InvalidInputError,
    LeaseSupersededError,
    SettingsError,
    StateError,
    TunerCrashedError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
)
from nascore.eventloop import FrameClient
from nascore.experiment import Experiments
from nascore.experiment.exchange import Opening
from nascore.journal import Holder
from nascore.record import (
    AskStatus,
    EndReason,
    ExperimentSpec,
    Failure,
    FailureKind,
    Mode,
    OneShot,
    Outcome,
    OutcomeStatus,
    Role,
    Schedule,
    Task,
    Trust,
    proposal_seed,
)
from nascore.service.drain import Drain
from nascore.service.exchange import SampleConversation
from nascore.service.grants import Scope, generate_token, make_grant
from nascore.service.rules import RULES
from nascore.service.tokens import TokenFile
from nascore.testing.supernets import COSTS, SPACE, answered, lease_of, search_outcome, searched, went_on, worked
from nascore.tuner import HostLimits, TunerSession, connect
from nascore.v1 import trial_pb2

TOYS = Path(__file__).parents[1] / "cli" / "toys"
PLAN = OneShot(Schedule(2, warmup_epochs=1), trust=Trust(max_random=4, sampled=2))


class Hosted:
    """A server of one database, the processes of its tuners, and clients."""

    def __init__(self, loop: Any, serve: Callable[..., str], connect_client: Callable[..., Client], folder: Path):
        self._loop, self._serve, self._connect, self._folder = loop, serve, connect_client, folder
        self.sessions: list[TunerSession] = []
        self.troubles: list[str] = []
        self.experiments: Experiments | None = None
        self.client = self.begin()

    def begin(self) -> Client:
        self.experiments = self._loop.run(self._opened())
        self.file = TokenFile(self._folder / "tokens.json")
        self.address = self._serve(self.experiments, token_file=self.file)
        return self._connect(self.address)

    def worker(self, token: Secret) -> Client:
        """Return a client with another token."""
        return self._connect(self.address, token=token.reveal())

    async def _opened(self) -> Experiments:
        async def tuner(
            name: str, history: Callable[[], Iterable[Any]], on_trouble: Callable[[str], None]
        ) -> TunerSession:
            def tell(trouble: str) -> None:
                self.troubles.append(trouble)
                on_trouble(trouble)

            limits = HostLimits(backoff_s=0.01, stop_grace_s=1.0)
            session = await connect(name, history=history, limits=limits, on_trouble=tell)
            self.sessions.append(session)
            return session

        holder = Holder(os.getpid(), socket.gethostname(), started_at=1.0)
        return await Experiments.open(self._folder / "log.db", holder=holder, connect=tuner)

    def close(self) -> None:
        assert self.experiments is not None
        self._loop.run(self.experiments.close())

    def on_loop(self, action: Callable[[], object]) -> None:
        async def act() -> None:
            action()

        self._loop.run(act())

    def create(self, plan: OneShot | None = PLAN, **parts: Any) -> str:
        spec = ExperimentSpec("learner", seed=5, one_shot=plan, **parts)
        return self.client.create(spec).id

    def search(self, plan: OneShot = PLAN, **parts: Any) -> Any:
        """Begin a search; return the exchange and its lease."""
        experiment = self.create(plan, **parts)
        self.client.register_space(experiment, "w", SPACE)
        lease = lease_of(self.client, experiment)
        return self.client.samples(experiment, "w", lease.trial, lease.epoch), lease, experiment


@pytest.fixture
def hosted(loop: Any, serve: Any, connect: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosted]:
    monkeypatch.syspath_prepend(str(TOYS))
    monkeypatch.setenv("PYTHONPATH", str(TOYS))
    monkeypatch.setenv("LEARNER_DIED", str(tmp_path / "died"))
    monkeypatch.setattr("nascore.client.exchange._ENDING_S", 60.0)  # A busy machine says late what ended a stream.
    hosted = Hosted(loop, serve, connect, tmp_path)
    yield hosted
    hosted.close()


def test_one_shot_experiment_searches_retrains_and_trains_baselines(hosted: Hosted) -> None:
    experiment = hosted.create()
    leases = worked(hosted.client, experiment)
    assert hosted.client.get(experiment).spec.mode is Mode.ONE_SHOT
    assert hosted.client.get(experiment).end_reason is EndReason.EXHAUSTED
    roles = [str(lease.proposal.notes["role"]) for lease in leases]
    assert roles[:4] == [Role.SEARCH, Role.RETRAIN, Role.LARGEST, Role.SKIP]
    assert set(roles[4:]) <= {Role.SAMPLED, Role.RANDOM}
    retrained = leases[1].proposal.architecture
    assert dict(retrained or {}) == {"a": "good", "b": "good"}
    assert dict(leases[2].proposal.architecture or {}) == {"a": "large", "b": "large"}
    assert dict(leases[3].proposal.architecture or {}) == {"a": "skip", "b": "skip"}
    assert hosted.client.best(experiment)[0].number == 1


def test_samples_are_numbered_and_have_the_seeds_of_their_supernet(hosted: Hosted) -> None:
    exchange, lease, _ = hosted.search()
    samples = searched(exchange)
    assert [sample.number for sample in samples] == list(range(2 * 3 * 4))
    assert [sample.task for sample in samples[:2]] == [Task.TRAIN, Task.GRADIENT]
    assert [sample.notes["seed"] for sample in samples] == [str(proposal_seed(lease.seed, n)) for n in range(24)]
    exchange.close()


def test_search_goes_on_from_a_snapshot_bit_for_bit(hosted: Hosted) -> None:
    exchange, _, _ = hosted.search()
    whole = searched(exchange)
    exchange.begin(batches_per_epoch=4, costs=COSTS)
    first = exchange.exchange([], 2).samples
    second = exchange.exchange([(sample.number, answered(sample)) for sample in first], 2).samples
    exchange.exchange([(sample.number, answered(sample)) for sample in second], 0)
    saved = exchange.snapshot()
    assert saved[1] == 4
    exchange.exchange([], 2)  # Lost with the crash.
    exchange.begin(batches_per_epoch=4, costs=COSTS, snapshot=saved, next_sample=4)
    assert [*first, *second, *went_on(exchange)] == whole
    exchange.close()


def test_worker_that_lost_its_lease_is_refused_by_name(hosted: Hosted) -> None:
    exchange, lease, experiment = hosted.search()
    exchange.begin(batches_per_epoch=4)
    hosted.client.return_lease(experiment, "w", lease.trial, lease.epoch)
    other = lease_of(hosted.client, experiment, "other")
    assert other.trial == lease.trial
    with pytest.raises(LeaseSupersededError, match="'other' with epoch 2"):
        exchange.exchange([], 2)
    with pytest.raises(LeaseSupersededError):
        exchange.begin(batches_per_epoch=4)
    exchange.close()


def test_ordinary_trial_exchanges_no_samples(hosted: Hosted) -> None:
    exchange, lease, experiment = hosted.search()
    searched(exchange)
    outcome = search_outcome(exchange)
    exchange.close()
    hosted.client.finish(experiment, "w", lease.trial, lease.epoch, outcome=outcome)
    retrain = lease_of(hosted.client, experiment)
    with pytest.raises(StateError, match="does not search: its task is evaluate"):
        hosted.client.samples(experiment, "w", retrain.trial, retrain.epoch).begin(batches_per_epoch=4)


def test_words_before_the_beginning_and_wrong_numbers_are_refused(hosted: Hosted) -> None:
    exchange, _, _ = hosted.search()
    with pytest.raises(StateError, match="has not begun"):
        exchange.exchange([], 1)
    with pytest.raises(InvalidInputError, match="batches_per_epoch"):
        exchange.begin(batches_per_epoch=0)
    with pytest.raises(InvalidInputError, match="without a snapshot"):
        exchange.begin(batches_per_epoch=4, next_sample=3)
    with pytest.raises(InvalidInputError, match="none of ours"):
        exchange.begin(batches_per_epoch=4, snapshot=(b"\xff\xff", 3))
    exchange.begin(batches_per_epoch=4)
    with pytest.raises(InvalidInputError, match="want: 257"):
        exchange.exchange([], 257)
    sample = exchange.exchange([], 1).samples[0]
    with pytest.raises(InvalidInputError, match="no sample 7"):
        exchange.exchange([(7, answered(sample))], 1)
    with pytest.raises(InvalidInputError, match="no sample 0"):
        exchange.exchange([(0, answered(sample)), (0, answered(sample))], 1)
    with pytest.raises(StateError, match="samples 0 have no outcome yet"):
        exchange.snapshot()
    exchange.exchange([(0, answered(sample))], 0)
    assert exchange.snapshot()[1] == 1
    exchange.close()


def test_tuner_that_dies_in_an_exchange_sends_the_worker_back_to_its_snapshot(hosted: Hosted) -> None:
    exchange, _, _ = hosted.search(settings={"die_at": 6})
    exchange.begin(batches_per_epoch=4)
    first = exchange.exchange([], 4).samples[:2]
    exchange.exchange([(sample.number, answered(sample)) for sample in first], 0)
    saved = exchange.snapshot()
    second = exchange.exchange([], 2).samples
    third = exchange.exchange([(sample.number, answered(sample)) for sample in second], 2).samples
    with pytest.raises(UnavailableError, match="was lost in ask of trial 6"):
        exchange.exchange([(sample.number, answered(sample)) for sample in third], 2)
    with pytest.raises(UnavailableError, match="was lost"):
        exchange.exchange([], 1)
    exchange.begin(batches_per_epoch=4, snapshot=saved, next_sample=2)
    assert exchange.exchange([], 2).samples == second
    assert any("was lost" in trouble for trouble in hosted.troubles)
    exchange.close()


def test_killed_host_of_the_tuner_sends_the_worker_back(hosted: Hosted) -> None:
    exchange, _, _ = hosted.search()
    exchange.begin(batches_per_epoch=4)
    sample = exchange.exchange([], 1).samples[0]
    process = hosted.sessions[-1]._supervision.life.connection.process  # type: ignore[attr-defined]
    hosted.on_loop(process.kill)
    with pytest.raises(UnavailableError, match="lost"):
        exchange.exchange([(0, answered(sample))], 1)
    exchange.begin(batches_per_epoch=4)
    assert exchange.exchange([], 1).samples == (sample,)
    exchange.close()


def test_tuner_that_raises_fails_with_its_sentence(hosted: Hosted) -> None:
    exchange, _, _ = hosted.search(settings={"raise_at": 1})
    exchange.begin(batches_per_epoch=4)
    with pytest.raises(TunerCrashedError, match="a defect of the learner"):
        exchange.exchange([], 2)
    exchange.close()


def test_tuner_without_state_or_with_too_much_says_so(hosted: Hosted) -> None:
    exchange, _, _ = hosted.search(settings={"keeps_state": False})
    exchange.begin(batches_per_epoch=4)
    with pytest.raises(UnsupportedError, match="keeps no snapshots"):
        exchange.snapshot()
    assert exchange.exchange([], 1).status is AskStatus.OK
    exchange.close()
    large, _, _ = hosted.search(settings={"state_bytes": (3 << 20) + 1})
    large.begin(batches_per_epoch=4)
    with pytest.raises(ExhaustedResourceError, match="at most 3145728"):
        large.snapshot()
    assert large.exchange([], 1).samples
    large.close()


def test_unmixable_decisions_reach_the_tuner(hosted: Hosted) -> None:
    exchange, _, _ = hosted.search()
    exchange.begin(batches_per_epoch=4, unmixable={"a": "The outputs have different shapes."})
    sample = exchange.exchange([], 1).samples[0]
    assert sample.mixture is not None
    assert [decision.path for decision in sample.mixture.decisions] == ["b"]
    assert dict(sample.mixture.fixed) == {"a": "skip"}
    exchange.close()


def test_failed_search_ends_the_experiment_with_its_reason(hosted: Hosted) -> None:
    _, lease, experiment = hosted.search()
    failure = Failure(FailureKind.EXCEPTION, "ValueError: no such layer")
    failed = Outcome(OutcomeStatus.FAILED, failure=failure)
    hosted.client.finish(experiment, "w", lease.trial, lease.epoch, outcome=failed)
    hosted.client.lease(experiment, "w", max_wait_s=20)
    record = hosted.client.get(experiment)
    assert record.end_reason is EndReason.FAILED
    assert "ValueError: no such layer" in record.trouble


def test_mode_that_a_tuner_does_not_know_is_refused(hosted: Hosted) -> None:
    with pytest.raises(SettingsError, match="does not search in the mode multi-trial; it knows one-shot"):
        hosted.create(None, mode=Mode.MULTI_TRIAL)
    with pytest.raises(SettingsError, match="only knows multi-trial"):
        hosted.client.create(ExperimentSpec("toy", one_shot=PLAN))


def test_restarted_server_goes_on_with_the_chain_and_the_worker_with_its_snapshot(hosted: Hosted) -> None:
    exchange, lease, experiment = hosted.search()
    exchange.begin(batches_per_epoch=4)
    first = exchange.exchange([], 2).samples
    exchange.exchange([(sample.number, answered(sample)) for sample in first], 0)
    saved = exchange.snapshot()
    following = exchange.exchange([], 2).samples
    hosted.close()
    with pytest.raises((UnavailableError, StateError)):
        exchange.exchange([(sample.number, answered(sample)) for sample in following], 2)
    client = hosted.client = hosted.begin()
    again = client.samples(experiment, "w", lease.trial, lease.epoch)
    again.begin(batches_per_epoch=4, snapshot=saved, next_sample=2)
    assert again.exchange([], 2).samples == following
    went_on(again, first=following)
    outcome = search_outcome(again)
    again.close()
    client.finish(experiment, "w", lease.trial, lease.epoch, outcome=outcome)
    assert worked(client, experiment)[0].proposal.notes["role"] == Role.RETRAIN


def test_worker_that_began_again_keeps_its_seat_when_its_old_stream_ends(hosted: Hosted) -> None:
    _, lease, experiment = hosted.search()
    assert hosted.experiments is not None
    engine = hosted.experiments.get(experiment)

    async def overtaken() -> int:
        async with engine.samples("w", lease.trial, lease.epoch) as new:
            async with engine.samples("w", lease.trial, lease.epoch) as old:
                await old.begin(Opening(4))
                await new.begin(Opening(4))
            return (await new.exchange([], 1)).samples[0].number

    assert hosted._loop.run(overtaken()) == 0


def test_worker_that_is_interrupted_while_it_leaves_keeps_no_seat(hosted: Hosted) -> None:
    experiment = hosted.create(OneShot(Schedule(1), workers=2, trust=None))
    assert hosted.experiments is not None
    engine = hosted.experiments.get(experiment)
    leases = []
    for worker in ("one", "two"):
        hosted.client.register_space(experiment, worker, SPACE)
        leases.append(lease_of(hosted.client, experiment, worker))
    one, two = leases

    async def left() -> int:
        entered = asyncio.Event()

        async def guest() -> None:
            async with engine.samples("two", two.trial, two.epoch) as seat:
                await seat.begin(Opening(4))
                entered.set()
                await asyncio.Event().wait()

        leaving = asyncio.create_task(guest())
        await entered.wait()
        async with engine.samples("one", one.trial, one.epoch) as seat:
            await seat.begin(Opening(4))
            (room,) = engine._rooms._rooms.values()
            async with room._turn:
                leaving.cancel()
                await asyncio.sleep(0)
                leaving.cancel()
                await asyncio.wait([leaving])
            async with room._turn:  # Whoever waits has it first.
                return len(room.seats)

    assert hosted._loop.run(left()) == 1


def test_workers_of_one_supernet_share_a_session_and_a_lost_one_fails_its_samples(hosted: Hosted) -> None:
    plan = OneShot(Schedule(1), workers=2, trust=None)
    experiment = hosted.create(plan)
    exchanges = []
    for worker in ("one", "two"):
        hosted.client.register_space(experiment, worker, SPACE)
        lease = lease_of(hosted.client, experiment, worker)
        exchanges.append(hosted.client.samples(experiment, worker, lease.trial, lease.epoch))
    one, two = exchanges
    assert one.begin(batches_per_epoch=4).seed == two.begin(batches_per_epoch=4).seed
    mine, others = one.exchange([], 2).samples, two.exchange([], 2).samples
    assert [sample.number for sample in (*mine, *others)] == [0, 1, 2, 3]
    told: list[Any] = []

    def wait() -> None:
        told.append(one.exchange([(sample.number, answered(sample)) for sample in mine], 4))

    waiting = threading.Thread(target=wait)
    waiting.start()
    two.close()
    waiting.join(60)
    assert told
    (room,) = hosted.experiments.get(experiment)._rooms._rooms.values()  # type: ignore[union-attr]  # open
    while len(room.seats) > 1:  # The server hears of it when it hears of it.
        time.sleep(0.01)
    assert [sample.number for sample in told[0].samples][:1] == [4]
    went_on(one, first=told[0].samples)
    assert one.derive(1)[0].score == -2.0  # Two samples were told as failed.
    one.close()


def test_token_of_another_experiment_begins_no_exchange() -> None:
    token = Secret("a-token-for-another-search")
    grant = make_grant(Scope.WORKER, token=token, now=0.0, experiments=("other",), workers=("w",))
    rule = RULES["/nascore.v1.TrialService/ExchangeSamples"]

    def why_not(**begin: str) -> str:
        request = trial_pb2.ExchangeSamplesRequest(begin=trial_pb2.BeginExchange(**begin))
        return rule.why_not(grant, request.SerializeToString())

    assert why_not(experiment="mine", worker="w").startswith("is kept to other")
    assert "speaks for w only" in why_not(experiment="other", worker="v")
    assert why_not(experiment="other", worker="w") == ""


def begun(exchange: RemoteExchange) -> trial_pb2.ExchangeBegun:
    """Begin as a program does that knows no frames; return what it is told."""
    experiment, worker, trial, epoch = exchange._place
    request = trial_pb2.BeginExchange(
        experiment=experiment, worker=worker, trial=trial, epoch=epoch, batches_per_epoch=4
    )
    return exchange._begun(trial_pb2.ExchangeSamplesRequest(begin=request))


def test_same_samples_come_as_frames_and_on_the_stream(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    exchange, _, _ = hosted.search()
    whole = searched(exchange)
    assert exchange._frames is not None
    monkeypatch.setattr("nascore.client.exchange.has_frames", lambda: False)
    assert searched(exchange) == whole
    assert exchange._frames is None
    assert exchange.derive(1)[0].architecture
    exchange.close()


def test_socket_that_cannot_be_reached_leaves_the_stream(hosted: Hosted, monkeypatch: pytest.MonkeyPatch) -> None:
    def elsewhere(path: str, key: bytes, *, timeout_s: float) -> FrameClient:
        return FrameClient(f"{path}.elsewhere", key, timeout_s=timeout_s)

    exchange, _, _ = hosted.search()
    monkeypatch.setattr("nascore.client.exchange.FrameClient", elsewhere)
    exchange.begin(batches_per_epoch=4)
    assert exchange._frames is None
    assert exchange.exchange([], 1).samples
    exchange.close()


def test_frames_need_the_key_and_begin_nothing(hosted: Hosted) -> None:
    exchange, lease, experiment = hosted.search()
    told = begun(exchange)
    stranger = FrameClient(told.frames_path, b"a guess", timeout_s=20)
    want = trial_pb2.ExchangeSamplesRequest(exchange=trial_pb2.Samples(want=1)).SerializeToString()
    with pytest.raises(ConnectionError):
        stranger.say(want)
    guest = FrameClient(told.frames_path, told.frames_key, timeout_s=20)
    begin = trial_pb2.BeginExchange(
        experiment=experiment, worker="w", trial=lease.trial, epoch=lease.epoch, batches_per_epoch=4
    )
    refused = guest.say(trial_pb2.ExchangeSamplesRequest(begin=begin).SerializeToString())
    assert b"it came as a frame" in trial_pb2.ExchangeSamplesResponse.FromString(refused).status
    malformed = trial_pb2.ExchangeSamplesResponse.FromString(guest.say(b"\xff\xff"))
    assert b"is not a ExchangeSamplesRequest" in malformed.status
    assert len(trial_pb2.ExchangeSamplesResponse.FromString(guest.say(want)).next.samples) == 1
    guest.close()
    exchange.close()


def _say_for_ever(guest: FrameClient) -> None:
    while True:
        guest.say(b"")


def _exchange_for_ever(exchange: RemoteExchange) -> None:
    while True:
        exchange.exchange([], 0)


def test_frames_end_with_their_stream_and_leave_no_folder(hosted: Hosted) -> None:
    exchange, _, _ = hosted.search()
    told = begun(exchange)
    folder = Path(told.frames_path).parent
    assert folder.stat().st_mode & 0o077 == 0
    guest = FrameClient(told.frames_path, told.frames_key, timeout_s=20)
    exchange.close()
    with pytest.raises(ConnectionError):
        _say_for_ever(guest)
    while folder.exists():
        hosted.on_loop(lambda: None)
    guest.close()


def test_frames_end_once_the_token_is_revoked(hosted: Hosted) -> None:
    _, lease, experiment = hosted.search()
    token = generate_token()
    grant = make_grant(Scope.WORKER, token=token, now=0.0)
    hosted.file.add(grant)
    exchange = hosted.worker(token).samples(experiment, "w", lease.trial, lease.epoch)
    exchange.begin(batches_per_epoch=4)
    assert exchange.exchange([], 1).samples
    assert exchange._frames is not None
    hosted.file.revoke(grant.id)
    with pytest.raises(UnauthenticatedError, match="was revoked"):
        _exchange_for_ever(exchange)
    with pytest.raises(StateError, match="has not begun, or broke off"):
        exchange.exchange([], 1)
    exchange.close()


def test_outcome_with_a_fault_is_refused_and_the_exchange_goes_on(hosted: Hosted) -> None:
    exchange, _, _ = hosted.search()
    exchange.begin(batches_per_epoch=4)
    sample = exchange.exchange([], 1).samples[0]
    with pytest.raises(InvalidInputError, match="duration_s"):
        exchange.exchange([(0, Outcome(OutcomeStatus.COMPLETED, duration_s=-1.0))], 1)
    assert exchange.exchange([(0, answered(sample))], 1).samples[0].number == 1
    exchange.close()


def test_signal_in_the_middle_of_an_exchange_takes_no_answer_for_another(
    hosted: Hosted, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(BaseException):
        pass

    exchange, _, _ = hosted.search()
    exchange.begin(batches_per_epoch=4)
    frames = exchange._frames
    monkeypatch.setattr(frames, "_received", lambda most: (_ for _ in ()).throw(Interrupted()))
    with pytest.raises(Interrupted):
        exchange.exchange([], 1)
    with pytest.raises(StateError, match="broke off"):
        exchange.exchange([], 1)
    exchange.begin(batches_per_epoch=4)
    assert exchange.exchange([], 1).samples[0].number == 0
    exchange.close()


async def test_stream_that_ends_waits_for_the_frame_at_work_unless_the_worker_left() -> None:
    unreachable: Any = None
    for error, is_waiting in ((None, True), (UnavailableError("drain"), True), (asyncio.CancelledError(), False)):
        conversation = SampleConversation(unreachable, Drain(), lambda behaviour: unreachable)
        async with conversation._turn:
            ending = asyncio.create_task(conversation.__aexit__(error and type(error), error, None))
            for _ in range(5):
                await asyncio.sleep(0)
            assert ending.done() is not is_waiting
        await ending
