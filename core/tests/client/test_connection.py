"""Calls over a real channel: retries, deadlines, and errors that say what to do. The server answers by script."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from nascore.client import Change, Client
from nascore.client.address import UnixAddress
from nascore.client.connection import Connection
from nascore.client.health import wait_until_serving
from nascore.client.secret import Secret
from nascore.client.trials import TrialCalls
from nascore.errors import (
    ConflictError,
    DataLossError,
    DeadlineError,
    ExhaustedResourceError,
    InternalError,
    InvalidInputError,
    NascoreError,
    NotFoundError,
    PermissionDeniedError,
    StateError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
    Violation,
)
from nascore.record import ExperimentSpec, LeaseStatus
from nascore.status import to_call_status
from nascore.v1 import experiment_pb2, trial_pb2

Answer = Callable[[bytes, grpc.ServicerContext], bytes]


class Script(grpc.GenericRpcHandler):
    """Answers each call with the next of its answers, and the last one ever after; keeps what was asked."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[bytes] = []
        self.metadata: list[dict[str, str]] = []
        self.streams: list[list[bytes | Exception]] = []

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        if details.method.endswith("/Work"):
            return None  # An older server: what would go on a stream goes as calls.
        if details.method.endswith("WatchExperiment"):
            return grpc.unary_stream_rpc_method_handler(self.stream)
        return grpc.unary_unary_rpc_method_handler(self.answer)

    def answer(self, raw: bytes, context: grpc.ServicerContext) -> bytes:
        self.asked.append(raw)
        self.metadata.append(dict(context.invocation_metadata()))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(raw, context)

    def stream(self, raw: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        self.asked.append(raw)
        self.metadata.append(dict(context.invocation_metadata()))
        for item in self.streams.pop(0):
            if isinstance(item, Exception):
                context.abort_with_status(to_call_status(item))
            yield item


def failing(error: NascoreError) -> Answer:
    return lambda raw, context: context.abort_with_status(to_call_status(error))


def plainly_failing(code: grpc.StatusCode, details: str) -> Answer:
    return lambda raw, context: context.abort(code, details)


def answering(message: object) -> Answer:
    return lambda raw, context: message.SerializeToString()  # type: ignore[attr-defined]


NONE_YET = answering(trial_pb2.LeaseTrialResponse(status=trial_pb2.LEASE_STATUS_NONE_YET))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s"


@pytest.fixture
def script(path: Path) -> Iterator[Script]:
    script = Script()
    server = grpc.server(ThreadPoolExecutor(4), handlers=(script,))
    server.add_insecure_port(f"unix:{path}")
    server.start()
    yield script
    server.stop(None).wait()


@pytest.fixture
def client(path: Path) -> Iterator[Client]:
    with Client(f"unix:{path}", token="t0ken", timeout_s=60, patience_s=60) as client:
        yield client


@pytest.fixture
def impatient(path: Path) -> Iterator[Client]:
    """Tries once, and has time for that."""
    with Client(f"unix:{path}", timeout_s=60, patience_s=0) as client:
        yield client


@pytest.fixture
def hasty(path: Path) -> Iterator[Client]:
    with Client(f"unix:{path}", timeout_s=0.2, patience_s=0) as client:
        yield client


def test_unavailable_server_is_tried_again_with_the_same_request_id(script: Script, client: Client) -> None:
    script.answers = [failing(UnavailableError("restarting")), failing(DeadlineError("slow disk")), NONE_YET]
    assert client.lease("e", "w").status is LeaseStatus.NONE_YET
    assert len(script.asked) == 3
    assert len(set(script.asked)) == 1
    assert trial_pb2.LeaseTrialRequest.FromString(script.asked[0]).request_id


def test_two_calls_have_two_request_ids(script: Script, client: Client) -> None:
    script.answers = [NONE_YET]
    client.lease("e", "w")
    client.lease("e", "w")
    assert len(set(script.asked)) == 2


def test_given_request_id_is_sent(script: Script, client: Client) -> None:
    script.answers = [NONE_YET]
    client.lease("e", "w", request_id="mine")
    assert trial_pb2.LeaseTrialRequest.FromString(script.asked[0]).request_id == "mine"


@pytest.mark.parametrize(
    "error",
    [
        InvalidInputError("no", hint="mend", violations=(Violation("a.b", "is wrong"),)),
        NotFoundError("none"),
        ConflictError("stored"),
        InternalError("defect"),
        ExhaustedResourceError("disk full"),
    ],
)
def test_other_errors_come_back_as_they_are_and_at_once(script: Script, client: Client, error: NascoreError) -> None:
    script.answers = [failing(error)]
    with pytest.raises(type(error)) as caught:
        client.get("e")
    assert str(caught.value) == str(error)
    assert caught.value.violations == error.violations
    assert len(script.asked) == 1


def test_patience_ends_with_the_error_of_the_server(script: Script, impatient: Client) -> None:
    script.answers = [failing(UnavailableError("restarting", hint="later"))]
    with pytest.raises(UnavailableError, match=r"restarting\. later"):
        impatient.get("e")
    assert len(script.asked) == 1


def test_token_is_sent_and_never_shown(script: Script, client: Client) -> None:
    script.answers = [NONE_YET]
    client.lease("e", "w")
    assert script.metadata[0]["authorization"] == "Bearer t0ken"
    assert "t0ken" not in repr(client)


def test_missing_socket_says_address_and_remedy(impatient: Client, path: Path) -> None:
    with pytest.raises(UnavailableError, match=f"Cannot reach the server at unix:{path}.*There is no such socket"):
        impatient.get("e")


def test_closed_port_says_address_and_remedy() -> None:
    with Client("127.0.0.1:9", patience_s=0) as client:
        with pytest.raises(UnavailableError, match=r"127\.0\.0\.1:9: .*`nascore serve` starts one"):
            client.get("e")


def test_late_answer_names_the_call_and_the_deadline(script: Script, hasty: Client) -> None:
    free = threading.Event()
    script.answers = [lambda raw, context: (free.wait(20), b"")[1]]
    with pytest.raises(DeadlineError, match=r"GetExperiment: no answer .* within 0\.2 s"):
        hasty.get("e")
    free.set()


def test_wait_of_a_call_extends_its_deadline(script: Script, impatient: Client) -> None:
    left: list[float] = []
    script.answers = [lambda raw, context: (left.append(context.time_remaining()), NONE_YET(raw, context))[1]]
    impatient.lease("e", "w", max_wait_s=40)
    impatient.lease("e", "w", max_wait_s=4000)
    assert 61 < left[0] < 101  # 60 s more than the wait, less what the way took.
    assert 61 < left[1] < 121  # Of waits no more than a minute counts.
    assert left[1] > left[0]


def test_old_server_without_the_call_is_named_unsupported(script: Script, client: Client) -> None:
    script.answers = [plainly_failing(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")]
    with pytest.raises(UnsupportedError, match=r"does not know the call GetExperiment\. A server of weights alone"):
        client.get("e")


def test_answer_that_is_no_message_is_data_loss(script: Script, client: Client) -> None:
    script.answers = [lambda raw, context: b"\xff\xff"]
    with pytest.raises(DataLossError, match="not a GetExperimentResponse"):
        client.get("e")


def test_request_over_4_mib_is_refused_before_it_leaves(script: Script, client: Client) -> None:
    spec = ExperimentSpec("random", settings={"text": "x" * (5 << 20)})
    with pytest.raises(ExhaustedResourceError, match=r"larger than max .*4194304"):
        client.create(spec)
    assert script.asked == []


def test_closed_client_refuses_and_ends_waits(script: Script, client: Client) -> None:
    script.answers = [failing(UnavailableError("never"))]
    closing = threading.Timer(0.1, client.close)
    closing.start()
    with pytest.raises((UnavailableError, StateError)):
        client.get("e")
    closing.join()
    with pytest.raises(StateError, match="closed"):
        client.get("e")
    client.close()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork_of_a_client_is_refused_with_the_remedy(client: Client, script: Script) -> None:
    script.answers = [NONE_YET]
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            client.get("e")
        except StateError as error:
            os.write(writing, str(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answers:
        assert "Make a new client after the fork." in answers.read()
    os.waitpid(child, 0)


def test_many_threads_share_one_client(script: Script, client: Client) -> None:
    script.answers = [NONE_YET]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.lease("e", "w").status, range(64)))
    assert answers == [LeaseStatus.NONE_YET] * 64
    assert len(set(script.asked)) == 64


def change(seq: int) -> bytes:
    return experiment_pb2.WatchExperimentResponse(seq=seq).SerializeToString()


def test_broken_watch_goes_on_behind_the_last_change(script: Script, client: Client) -> None:
    script.streams = [
        [change(1), change(2), UnavailableError("down")],
        [UnavailableError("still down")],
        [change(3)],
    ]
    assert list(client.watch("e")) == [Change(1), Change(2), Change(3)]
    after = [experiment_pb2.WatchExperimentRequest.FromString(raw).after_seq for raw in script.asked]
    assert after == [0, 2, 2]


def test_watch_raises_what_is_not_a_matter_of_time(script: Script, client: Client) -> None:
    script.streams = [[change(1), NotFoundError("deleted")]]
    seen = client.watch("e", after_seq=0)
    assert next(seen) == Change(1)
    with pytest.raises(NotFoundError, match="deleted"):
        next(seen)


def test_impatient_watch_gives_up(script: Script, impatient: Client) -> None:
    script.streams = [[UnavailableError("down")]]
    with pytest.raises(UnavailableError, match="down"):
        list(impatient.watch("e"))


def test_waiting_for_a_server_that_never_comes_says_why(path: Path) -> None:
    moments = iter((0.0, 1.0, 100.0))  # It begins, tries, and then its patience is over.
    connection = Connection(
        UnixAddress(str(path)), token=None, tls=None, timeout_s=60, patience_s=0, clock=lambda: next(moments)
    )
    with pytest.raises(UnavailableError, match="no such socket"):
        wait_until_serving(connection, 90)
    connection.close()


def test_waiting_takes_a_server_that_comes_late(client: Client, path: Path) -> None:
    server = grpc.server(ThreadPoolExecutor(1), handlers=(script := Script(),))
    script.answers = [lambda raw, context: b"\x08\x02", lambda raw, context: b"\x08\x01"]  # NOT_SERVING, SERVING
    server.add_insecure_port(f"unix:{path}")
    starting = threading.Timer(0.2, server.start)
    starting.start()
    client.wait_until_serving(60)
    assert len(script.asked) == 2
    starting.join()
    server.stop(None).wait()


@pytest.mark.parametrize(("timeout_s", "patience_s"), [(0, 1), (-1, 1), (1, -1), (float("nan"), 1)])
def test_senseless_times_are_refused(timeout_s: float, patience_s: float) -> None:
    with pytest.raises(InvalidInputError, match="timeout_s"):
        Connection(UnixAddress("/x"), token=None, tls=None, timeout_s=timeout_s, patience_s=patience_s)


def test_interrupt_of_the_user_ends_a_long_poll(script: Script, client: Client) -> None:
    free = threading.Event()

    def interrupt(raw: bytes, context: grpc.ServicerContext) -> bytes:
        os.kill(os.getpid(), signal.SIGINT)  # Now that the call is here, its caller waits.
        free.wait(60)
        return b""

    script.answers = [interrupt]
    with pytest.raises(KeyboardInterrupt):
        client.lease("e", "w", max_wait_s=30)
    free.set()


def refusing_other_than(token: str, answer: Answer) -> Answer:
    def answered(raw: bytes, context: grpc.ServicerContext) -> bytes:
        if dict(context.invocation_metadata())["authorization"] != f"Bearer {token}":
            context.abort_with_status(to_call_status(UnauthenticatedError("another token")))
        return answer(raw, context)

    return answered


def test_a_server_that_was_restarted_is_called_with_its_new_token(script: Script, path: Path, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first")
    script.answers = [refusing_other_than("first", NONE_YET), refusing_other_than("second", NONE_YET)]
    with Client(f"unix:{path}", token_file=file, patience_s=0) as client:
        client.lease("e", "w")
        # The new token comes a moment after the server is there again.
        writing = threading.Timer(0.2, lambda: file.write_text("second"))
        writing.start()
        assert client.lease("e", "w").status is LeaseStatus.NONE_YET
        writing.join()


def test_a_token_that_was_never_good_is_refused_at_once(script: Script, path: Path, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("wrong")
    script.answers = [refusing_other_than("right", NONE_YET)]
    with Client(f"unix:{path}", token_file=file, patience_s=0) as client:
        with pytest.raises(UnauthenticatedError, match="another token"):
            client.lease("e", "w")
    assert len(script.asked) == 1


def test_a_refusal_of_scope_is_not_waited_over(script: Script, path: Path, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("reader")
    script.answers = [NONE_YET, failing(PermissionDeniedError("Token 1 has the scope read; needs admin."))]
    asked_again = []

    def read_again() -> Secret:
        asked_again.append(file)
        return Secret("reader")

    connection = Connection(
        UnixAddress(str(path)), token=Secret("reader"), tls=None, timeout_s=10, patience_s=0, read_token=read_again
    )
    calls = TrialCalls(connection)
    calls.lease("e", "w")
    with pytest.raises(PermissionDeniedError, match="needs admin"):
        calls.lease("e", "w")
    connection.close()
    assert len(script.asked) == 2
    assert asked_again == []


def test_watch_goes_on_at_a_restarted_server_with_its_new_token(script: Script, path: Path, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first")
    script.streams = [[change(1), UnauthenticatedError("The token is not that of this server.")], [change(2)]]
    with Client(f"unix:{path}", token_file=file, patience_s=0) as client:
        seen = client.watch("e")
        assert next(seen) == Change(1)
        file.write_text("second")
        assert list(seen) == [Change(2)]
    assert [sent["authorization"] for sent in script.metadata] == ["Bearer first", "Bearer second"]


def test_watch_with_a_token_that_was_never_good_is_refused_at_once(script: Script, path: Path, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("wrong")
    script.streams = [[UnauthenticatedError("The token is not that of this server.")]]
    with Client(f"unix:{path}", token_file=file, patience_s=0) as client:
        with pytest.raises(UnauthenticatedError, match="not that of this server"):
            list(client.watch("e"))
