"""Health and reflection over a real socket."""

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from nascore.service import Server

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def test_health_tells_of_the_server_and_each_service(serve) -> None:  # type: ignore[no-untyped-def]
    with grpc.insecure_channel(serve(None)) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for service in ("", "nascore.v1.TrialService", "nascore.v1.ExperimentService"):
            assert stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=20).status == SERVING
        assert len(stub.List(health_pb2.HealthListRequest(), timeout=20).statuses) == 3
        with pytest.raises(grpc.RpcError) as caught:
            stub.Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=20)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_watcher_of_health_hears_of_the_drain_and_does_not_delay_it(loop) -> None:  # type: ignore[no-untyped-def]
    server = Server(None, address="unix:", token="t" * 16)  # type: ignore[arg-type]
    with grpc.insecure_channel(loop.run(server.start())) as channel:
        stream = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=60)
        assert next(stream).status == SERVING
        loop.run(server.stop(600), timeout_s=60)
        assert next(stream).status == NOT_SERVING
        with pytest.raises(grpc.RpcError) as caught:
            next(stream)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_reflection_lists_the_services_to_who_has_the_token(serve) -> None:  # type: ignore[no-untyped-def]
    address = serve(None)

    class WithToken(grpc.StreamStreamClientInterceptor):  # type: ignore[misc]
        def intercept_stream_stream(self, continuation, details, requests):  # type: ignore[no-untyped-def]
            headers = [("authorization", "Bearer a-token-of-the-tests")]
            return continuation(details._replace(metadata=headers), requests)

    with grpc.insecure_channel(address) as channel:
        database = ProtoReflectionDescriptorDatabase(grpc.intercept_channel(channel, WithToken()))
        assert {"nascore.v1.TrialService", "nascore.v1.ExperimentService"} <= set(database.get_services())
