"""The proxy in a thread, in front of a real gRPC server and its real client."""

import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from nascore.client import Client
from nascore.errors import UnavailableError
from nascore.testing.proxy import Direction, ProxyThread


@pytest.fixture(scope="module")
def target():
    """A gRPC server in threads of its own that answers health checks."""
    server = grpc.server(ThreadPoolExecutor(2))
    servicer = health.HealthServicer()
    servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


@pytest.fixture
def proxy(target):
    with ProxyThread(target) as proxy:
        yield proxy


def test_a_client_survives_a_cut_and_a_reset(proxy):
    with Client(proxy.address, timeout_s=20) as client:
        client.wait_until_serving(60)
        proxy.cut()
        with pytest.raises(UnavailableError):
            client.wait_until_serving(0.2)
        proxy.restore()
        client.wait_until_serving(60)
        proxy.reset()
        client.wait_until_serving(60)
        assert proxy.accepted >= 3
        assert min(proxy.passed.values()) > 0


def test_a_half_open_connection_ends_by_the_deadline_and_comes_back(proxy):
    with Client(proxy.address, timeout_s=0.3) as client:
        client.wait_until_serving(60)
        proxy.half_open(directions=[Direction.TO_CLIENT])
        with pytest.raises(UnavailableError):
            client.wait_until_serving(0.4)
        proxy.restore()
        client.wait_until_serving(60)


def test_calls_through_a_slow_or_truncating_proxy_end(proxy):
    with Client(proxy.address, timeout_s=20) as client:
        proxy.delay(0.05)
        begun = time.monotonic()
        client.wait_until_serving(60)
        assert time.monotonic() - begun >= 0.1
        proxy.throttle(10_000)
        client.wait_until_serving(60)
        proxy.truncate(20)
        with pytest.raises(UnavailableError):
            client.wait_until_serving(0.3)
        proxy.restore()
        client.wait_until_serving(60)
    deadline = time.monotonic() + 60
    while proxy.connections > 1:  # What broke is cleared away in the thread of the proxy.
        assert time.monotonic() < deadline
        time.sleep(0.01)
