"""Who may call what, over a real socket: every rpc that a real server serves, with every kind of token."""

import asyncio
import queue
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from nascore.client import Secret
from nascore.experiment import Change
from nascore.service import Scope, Server, TokenFile, generate_token, make_grant
from nascore.service.auth import TokenInterceptor
from nascore.service.keyring import Keyring
from nascore.service.rules import RULES, Reach
from nascore.v1 import experiment_pb2, trial_pb2, weights_pb2
from nascore.weights import DirectoryStore

CORE = [trial_pb2.DESCRIPTOR, experiment_pb2.DESCRIPTOR, weights_pb2.DESCRIPTOR]
FILES = [*CORE, reflection_pb2.DESCRIPTOR, health_pb2.DESCRIPTOR]
METHODS = [method for file in FILES for service in file.services_by_name.values() for method in service.methods]
CLOSED = [method for method in METHODS if method.containing_service.full_name != "grpc.health.v1.Health"]
HEALTH = [method for method in METHODS if method not in CLOSED]
REFUSED = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}
ADMIN = generate_token().reveal()
MINE, OTHER = "abcdefgh", "ijklmnop"


def name_of(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def bearer(token: str) -> tuple[str, str]:
    return ("authorization", f"Bearer {token}")


def answer(
    channel: grpc.Channel, method: str, *metadata: tuple[str, str], raw: bytes = b""
) -> tuple[grpc.StatusCode, str]:
    """Call an rpc of any shape and return how it ended; a stream is left after its first answer."""
    # A stream of requests is the shape that every server's handler can be called by.
    call = channel.stream_stream(method)(iter([raw]), metadata=metadata, timeout=20)
    try:
        while next(call, None) == b"":  # What a call that has failed answers, or one that has nothing to say.
            pass
    except grpc.RpcError as error:
        return error.code(), error.details()
    finally:
        call.cancel()
    return grpc.StatusCode.OK, ""


def code(
    channel: grpc.Channel, method: MethodDescriptor, *metadata: tuple[str, str], raw: bytes = b""
) -> grpc.StatusCode:
    return answer(channel, name_of(method), *metadata, raw=raw)[0]


@dataclass(frozen=True)
class Served:
    """A server whose calls reach no experiment, with a token of each kind."""

    channel: grpc.Channel
    file: TokenFile
    tokens: dict[str, str]


def give(file: TokenFile, scope: Scope, **parts: Any) -> str:
    token = generate_token()
    file.add(make_grant(scope, token=token, now=time.time(), **parts))
    return token.reveal()


@pytest.fixture(scope="module")
def served(loop: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    file = TokenFile(tmp_path_factory.mktemp("tokens") / "tokens.json")
    tokens = {
        "admin": give(file, Scope.ADMIN),
        "worker": give(file, Scope.WORKER),
        "read": give(file, Scope.READ),
        "kept worker": give(file, Scope.WORKER, experiments=(MINE,), workers=("w-0", "w-1")),
        "kept reader": give(file, Scope.READ, experiments=(MINE,)),
        **{f"expired {scope}": give(file, scope, expires_at=time.time() - 1) for scope in Scope},
    }
    store = DirectoryStore(tmp_path_factory.mktemp("weights") / "store")
    unreachable: Any = object()
    server = Server(unreachable, address="unix:", token=ADMIN, token_file=file, weights=store)
    with grpc.insecure_channel(loop.run(server.start())) as channel:
        yield Served(channel, file, {**tokens, "own": ADMIN})
    loop.run(server.stop(0))


# --- the table and the server -------------------------------------------------------------------------------------


def test_table_has_every_rpc_that_the_server_serves_and_no_other(served: Served) -> None:
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    ask = served.channel.stream_stream(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    told = next(ask(iter([asked]), metadata=[bearer(ADMIN)])).list_services_response
    services = [one.name for one in told.service]
    pool = descriptor_pool.Default()
    methods = {name_of(method) for name in services for method in pool.FindServiceByName(name).methods}
    assert methods == set(RULES)
    assert methods == {name_of(method) for method in METHODS}
    assert len(methods) >= 20


def test_health_alone_is_open() -> None:
    assert {name for name, rule in RULES.items() if rule.is_open} == {name_of(method) for method in HEALTH}


@pytest.mark.parametrize("method", HEALTH, ids=name_of)
def test_health_needs_no_token(served: Served, method: MethodDescriptor) -> None:
    assert code(served.channel, method) is grpc.StatusCode.OK


def test_rules_say_what_was_meant() -> None:
    by_scope = {
        scope: {name.rpartition("/")[2] for name, rule in RULES.items() if scope in rule.scopes} for scope in Scope
    }
    reflection = {"ServerReflectionInfo"}
    trial_calls = {method.name for method in trial_pb2.DESCRIPTOR.services_by_name["TrialService"].methods}
    weight_calls = {method.name for method in weights_pb2.DESCRIPTOR.services_by_name["WeightService"].methods}
    care = {"RemoveName", "Pin", "Release", "SetQuota", "GetUsage", "Collect", "Verify"}
    assert by_scope[Scope.WORKER] == trial_calls | {"GetTrial"} | (weight_calls - care) | reflection
    looking = ("Get", "List", "Watch", "Download", "Pull")
    assert all(name.startswith(looking) for name in by_scope[Scope.READ] - reflection)
    assert by_scope[Scope.ADMIN] == {method.name for method in CLOSED}
    assert all(rule.is_audited == (rule.scopes == {Scope.ADMIN}) for rule in RULES.values())


@pytest.mark.parametrize("method", CLOSED, ids=name_of)
def test_rule_that_is_kept_to_experiments_has_one_in_its_request(method: MethodDescriptor) -> None:
    rule = RULES[name_of(method)]
    fields = method.input_type.fields_by_name
    inner = [field.message_type.fields_by_name for field in fields.values()] if rule.is_envelope else [fields]
    if name_of(method).endswith("/ExchangeSamples"):
        # The first request names it; the others go on with what that one began, and are refused without it.
        inner = [one for name, one in zip(fields, inner, strict=True) if name == "begin"]
        assert inner
    if rule.reach is Reach.EXPERIMENT:
        assert all("experiment" in one for one in inner)
        if method.containing_service.name == "TrialService":
            assert all("worker" in one for one in inner)


# --- every rpc, every token ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", CLOSED, ids=name_of)
def test_call_without_token_is_unauthenticated(served: Served, method: MethodDescriptor) -> None:
    assert code(served.channel, method) is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("method", CLOSED, ids=name_of)
def test_call_with_wrong_token_is_unauthenticated(served: Served, method: MethodDescriptor) -> None:
    for wrong in ("wrong", ADMIN[:-1], ADMIN + "x", ADMIN.swapcase()):
        assert code(served.channel, method, bearer(wrong)) is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("method", CLOSED, ids=name_of)
@pytest.mark.parametrize("scope", list(Scope))
def test_call_with_expired_token_is_unauthenticated(served: Served, method: MethodDescriptor, scope: Scope) -> None:
    status, details = answer(served.channel, name_of(method), bearer(served.tokens[f"expired {scope}"]))
    assert status is grpc.StatusCode.UNAUTHENTICATED
    assert "has run out, on 20" in details


@pytest.mark.parametrize("method", CLOSED, ids=name_of)
@pytest.mark.parametrize("kind", ["own", "admin", "worker", "read"])
def test_call_passes_with_a_scope_that_its_rule_names_and_with_no_other(
    served: Served, method: MethodDescriptor, kind: str
) -> None:
    scope = Scope.ADMIN if kind == "own" else Scope(kind)
    status, details = answer(served.channel, name_of(method), bearer(served.tokens[kind]))
    if scope in RULES[name_of(method)].scopes:
        assert status not in {*REFUSED, grpc.StatusCode.UNIMPLEMENTED}
    else:
        assert status is grpc.StatusCode.PERMISSION_DENIED
        assert f"has the scope {scope}; {method.name} needs admin" in details


def naming(method: MethodDescriptor, experiment: str, worker: str) -> bytes:
    """Return a request that names these; in each kind of an envelope's, one of them."""
    request = RULES[name_of(method)].request_type()  # type: ignore[misc]
    inner = getattr(request, method.input_type.fields[0].name) if RULES[name_of(method)].is_envelope else request
    for field, value in (("experiment", experiment), ("worker", worker)):
        if field in inner.DESCRIPTOR.fields_by_name:
            setattr(inner, field, value)
    raw: bytes = request.SerializeToString()
    return raw


KEPT = [method for method in CLOSED if RULES[name_of(method)].reach is Reach.EXPERIMENT]
OUTSIDE = [(OTHER, "w-0"), ("", "w-0"), ("last", "w-0"), (MINE[:4], "w-0"), (MINE.upper(), "w-0"), (f"{MINE} ", "w-0")]
OTHERS = [(MINE, "w-2"), (MINE, ""), (MINE, "w-0 ")]


def kept_tokens(served: Served, method: MethodDescriptor) -> list[str]:
    """Return the tokens that are kept to ``MINE`` and open a call there."""
    scopes = RULES[name_of(method)].scopes
    kept = {"kept worker": Scope.WORKER in scopes, "kept reader": Scope.READ in scopes or Scope.WORKER not in scopes}
    return [served.tokens[name] for name, opens in kept.items() if opens]


@pytest.mark.parametrize("method", KEPT, ids=name_of)
def test_kept_token_opens_nothing_outside(served: Served, method: MethodDescriptor) -> None:
    is_worker = method.containing_service.name == "TrialService"
    for token in kept_tokens(served, method):
        for experiment, worker in OUTSIDE + OTHERS * is_worker:
            raw = naming(method, experiment, worker)
            status, details = answer(served.channel, name_of(method), bearer(token), raw=raw)
            assert status is grpc.StatusCode.PERMISSION_DENIED
            assert ("speaks for w-0, w-1 only" if experiment == MINE else "is not its full id") in details


@pytest.mark.parametrize("method", KEPT, ids=name_of)
def test_kept_token_opens_what_it_is_kept_to(served: Served, method: MethodDescriptor) -> None:
    for token in kept_tokens(served, method):
        assert code(served.channel, method, bearer(token), raw=naming(method, MINE, "w-1")) not in REFUSED


PIECEWISE = [method for method in CLOSED if RULES[name_of(method)].reach is Reach.CONTENT]


@pytest.mark.parametrize("method", PIECEWISE, ids=name_of)
def test_kept_token_names_no_other_experiment_where_it_need_not_name_one(
    served: Served, method: MethodDescriptor
) -> None:
    for token in kept_tokens(served, method):
        assert code(served.channel, method, bearer(token)) not in REFUSED
        for field in {"experiment", "worker"} & set(method.input_type.fields_by_name):
            raw = naming(method, OTHER if field == "experiment" else MINE, "w-2")
            assert code(served.channel, method, bearer(token), raw=raw) is grpc.StatusCode.PERMISSION_DENIED


def test_kept_reader_does_not_list_all_experiments(served: Served) -> None:
    status, details = answer(
        served.channel, "/nascore.v1.ExperimentService/ListExperiments", bearer(served.tokens["kept reader"])
    )
    assert status is grpc.StatusCode.PERMISSION_DENIED
    assert "is about the whole server" in details


def test_request_that_cannot_be_read_is_no_way_around_what_a_token_is_kept_to(served: Served) -> None:
    method = "/nascore.v1.TrialService/LeaseTrial"
    assert answer(served.channel, method, bearer(served.tokens["kept worker"]), raw=b"\xff\xff")[0] is (
        grpc.StatusCode.INVALID_ARGUMENT
    )


@pytest.mark.parametrize(
    "headers",
    [
        [("authorization", ADMIN)],
        [("authorization", f"Basic {ADMIN}")],
        [("authorization", "Bearer ")],
        [("authorization", f"Bearer {ADMIN} ")],
        [("authorization", f"Bearer  {ADMIN}")],
        [("authorization", f"Bearer {ADMIN}"), ("authorization", f"Bearer {ADMIN}")],
        [("authorization-bin", f"Bearer {ADMIN}")],
        [("x-authorization", f"Bearer {ADMIN}")],
    ],
)
def test_nothing_but_the_exact_token_opens(served: Served, headers: list[tuple[str, str]]) -> None:
    sent = [(key, value.encode() if key.endswith("-bin") else value) for key, value in headers]
    assert code(served.channel, METHODS[0], *sent) in REFUSED  # type: ignore[arg-type]


def test_scheme_is_read_in_any_case(served: Served) -> None:
    assert code(served.channel, METHODS[0], ("authorization", f"bearer {ADMIN}")) is grpc.StatusCode.INVALID_ARGUMENT


def test_refusal_does_not_say_the_token(served: Served) -> None:
    wrong = generate_token().reveal()
    _, details = answer(served.channel, name_of(METHODS[0]), bearer(wrong))
    assert wrong not in details


# --- calls that nobody thought of ---------------------------------------------------------------------------------


def test_unknown_call_is_refused_before_it_is_looked_up(served: Served) -> None:
    assert answer(served.channel, "/nascore.v1.TrialService/Invented")[0] is grpc.StatusCode.UNAUTHENTICATED
    known = answer(served.channel, "/nascore.v1.TrialService/Invented", bearer(ADMIN))
    assert known[0] is grpc.StatusCode.UNIMPLEMENTED


class Guarded:
    """A server with one rpc behind an interceptor."""

    def __init__(self, method: str, interceptor: TokenInterceptor) -> None:
        self.server = grpc.aio.server(interceptors=(interceptor,))
        self.calls = 0
        handler = grpc.unary_unary_rpc_method_handler(self._answer)
        service, _, name = method[1:].partition("/")
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {name: handler}),))

    async def _answer(self, raw: bytes, context: object) -> bytes:
        self.calls += 1
        return b""

    async def start(self, path: Path) -> str:
        self.server.add_insecure_port(f"unix:{path}")
        await self.server.start()
        return f"unix:{path}"

    async def stop(self) -> None:
        await self.server.stop(0)


@contextmanager
def guarded(
    loop: Any, method: str, path: Path, interceptor: TokenInterceptor
) -> Iterator[tuple[Guarded, grpc.Channel]]:
    """Serve such an rpc at a socket."""

    async def make() -> Guarded:
        return Guarded(method, interceptor)

    server = loop.run(make())
    with grpc.insecure_channel(loop.run(server.start(path))) as channel:
        yield server, channel
    loop.run(server.stop())


def test_rpc_without_a_rule_is_closed_to_everybody(loop: Any, short_path: Path) -> None:
    grant = make_grant(Scope.ADMIN, token=Secret(ADMIN), now=0)
    with guarded(loop, "/p.Fake/Forgotten", short_path, TokenInterceptor(Keyring((grant,)))) as (forgotten, channel):
        status, details = answer(channel, "/p.Fake/Forgotten", bearer(ADMIN))
    assert status is grpc.StatusCode.PERMISSION_DENIED
    assert "Forgotten is closed to everybody: no rule says who may call it" in details
    assert forgotten.calls == 0


def test_stream_that_sends_nothing_is_refused_at_once(served: Served) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        next(served.channel.stream_stream(name_of(CLOSED[-1]))(iter(()), timeout=20))
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


# --- tokens that come and go --------------------------------------------------------------------------------------

GET = experiment_pb2.DESCRIPTOR.services_by_name["ExperimentService"].methods_by_name["GetExperiment"]


def until_refused(channel: grpc.Channel, token: str) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        status, details = answer(channel, name_of(GET), bearer(token))
        if status in REFUSED:
            return details
        time.sleep(0.02)
    raise AssertionError("the token is still taken")


def test_new_token_is_taken_at_once_and_a_revoked_one_soon_no_more(served: Served) -> None:
    token = generate_token()
    grant = make_grant(Scope.READ, token=token, now=time.time())
    assert code(served.channel, GET, bearer(token.reveal())) in REFUSED
    served.file.add(grant)
    assert code(served.channel, GET, bearer(token.reveal())) not in REFUSED
    served.file.revoke(grant.id)
    assert "was revoked" in until_refused(served.channel, token.reveal())


def test_token_that_runs_out_is_refused_from_then_on(loop: Any, short_path: Path) -> None:
    token, now = generate_token(), [99.0]
    grant = make_grant(Scope.READ, token=token, now=0, expires_at=100.0)
    interceptor = TokenInterceptor(Keyring((grant,)), clock=lambda: now[0])
    with guarded(loop, name_of(GET), short_path, interceptor) as (server, channel):
        assert answer(channel, name_of(GET), bearer(token.reveal())) == (grpc.StatusCode.OK, "")
        now[0] = 100.0
        status, details = answer(channel, name_of(GET), bearer(token.reveal()))
    assert status is grpc.StatusCode.UNAUTHENTICATED
    assert "has run out" in details
    assert server.calls == 1


class Watched:
    """Stands for the experiments: one that changes whenever the test says so."""

    def __init__(self) -> None:
        self.sent = 0

    def get(self, identifier: str) -> "Watched":
        return self

    async def watch(self, after_seq: int) -> AsyncIterator[object]:
        while True:
            self.sent += 1
            yield Change(self.sent)
            await asyncio.sleep(0.01)


def test_running_stream_ends_once_its_token_is_revoked(loop: Any, tmp_path: Path) -> None:
    file, token = TokenFile(tmp_path / "tokens.json"), generate_token()
    grant = make_grant(Scope.READ, token=token, now=time.time())
    file.add(grant)
    server = Server(Watched(), address="unix:", token=ADMIN, token_file=file)  # type: ignore[arg-type]
    address = loop.run(server.start())
    watch = "/nascore.v1.ExperimentService/WatchExperiment"
    request = experiment_pb2.WatchExperimentRequest(experiment=MINE).SerializeToString()
    with grpc.insecure_channel(address) as channel:
        messages = channel.unary_stream(watch)(request, metadata=[bearer(token.reveal())], timeout=20)
        next(messages)
        file.revoke(grant.id)
        with pytest.raises(grpc.RpcError) as caught:
            for _ in messages:
                pass
    loop.run(server.stop(0))
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert f"Token {grant.id} was revoked" in caught.value.details()


def _say_until_refused(going: "queue.Queue[bytes | None]", answers: Iterator[bytes]) -> None:
    for _ in answers:
        going.put(b"")


def test_running_stream_of_requests_ends_once_its_token_is_revoked(served: Served) -> None:
    token = generate_token()
    grant = make_grant(Scope.WORKER, token=token, now=time.time())
    served.file.add(grant)
    going: queue.Queue[bytes | None] = queue.Queue()
    work = served.channel.stream_stream("/nascore.v1.TrialService/Work")
    answers = work(iter(going.get, None), metadata=[bearer(token.reveal())], timeout=20)
    going.put(b"")
    next(answers)
    going.put(b"")
    served.file.revoke(grant.id)
    with pytest.raises(grpc.RpcError) as caught:
        _say_until_refused(going, answers)
    going.put(None)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    assert f"Token {grant.id} was revoked" in caught.value.details()
