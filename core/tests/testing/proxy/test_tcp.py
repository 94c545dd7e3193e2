"""The proxy between real sockets: what each fault does to connections, and that it ends with `restore`."""

import asyncio
import socket
import time
from contextlib import asynccontextmanager

import pytest
from nascore.errors import InvalidInputError
from nascore.testing.proxy import BOTH, Direction, TcpProxy

LIMIT_S = 60


@asynccontextmanager
async def echo(path=None):
    """A server that sends back what it gets."""

    async def serve(reader, writer):
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    if path is None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    else:
        server = await asyncio.start_unix_server(serve, path)
        address = f"unix:{path}"
    try:
        yield address
    finally:
        server.close()


@asynccontextmanager
async def proxied():
    async with echo() as target, TcpProxy(target) as proxy:
        yield proxy


@asynccontextmanager
async def caller(address):
    if address.startswith("unix:"):
        reader, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
    else:
        reader, writer = await asyncio.open_connection(*address.rsplit(":", 1))
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def said(stream, words):
    reader, writer = stream
    writer.write(words)
    async with asyncio.timeout(LIMIT_S):
        return await reader.readexactly(len(words))


async def rest(stream):
    async with asyncio.timeout(LIMIT_S):
        return await stream[0].read()


async def is_silent(stream, seconds=0.15):
    try:
        async with asyncio.timeout(seconds):
            await stream[0].read(1)
    except TimeoutError:
        return True
    return False


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "*:0", "127.0.0.1", "http://127.0.0.1:1"])
def test_an_address_that_others_reach_or_that_is_none_is_refused(address):
    with pytest.raises(InvalidInputError, match="address"):
        TcpProxy("127.0.0.1:1", listen=address)


@pytest.mark.parametrize("amount", [-1, float("nan"), float("inf")])
async def test_an_amount_that_is_no_number_is_refused(amount):
    async with proxied() as proxy:
        for fault in (proxy.delay, proxy.throttle, proxy.truncate):
            with pytest.raises(InvalidInputError, match="finite number"):
                fault(amount)
        with pytest.raises(InvalidInputError, match="half_open"):
            proxy.throttle(0)


async def test_bytes_pass_unchanged_both_ways_and_are_counted():
    words = bytes(range(256)) * 8000
    async with proxied() as proxy, caller(proxy.address) as stream:
        assert await said(stream, words) == words
        assert proxy.passed == dict.fromkeys(BOTH, len(words))
        assert (proxy.accepted, proxy.connections) == (1, 1)
        stream[1].write_eof()
        assert await rest(stream) == b""


async def test_an_end_of_stream_passes_and_the_other_way_stays_open():
    got = asyncio.Queue()

    async def answer_at_the_end(reader, writer):
        writer.write(b"you said " + await reader.read())
        writer.close()
        await got.put(None)

    server = await asyncio.start_server(answer_at_the_end, "127.0.0.1", 0)
    target = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with TcpProxy(target) as proxy, caller(proxy.address) as stream:
        stream[1].write(b"this")
        stream[1].write_eof()
        assert await rest(stream) == b"you said this"
    server.close()


async def test_unix_sockets_serve_on_both_sides(tmp_path_factory):
    folder = tmp_path_factory.mktemp("s")
    async with echo(str(folder / "t")) as target, TcpProxy(target, listen=f"unix:{folder}/p") as proxy:
        assert proxy.address == f"unix:{folder}/p"
        for _ in range(2):
            async with caller(proxy.address) as stream:
                assert await said(stream, b"hello") == b"hello"
                proxy.cut()
                assert await rest(stream) == b""
                with pytest.raises(OSError, match=r"refused|No such file"):
                    await asyncio.open_unix_connection(f"{folder}/p")
                proxy.restore()
    assert not (folder / "p").exists()


async def test_a_target_that_is_away_breaks_the_connection_and_may_come_back(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("s") / "t")
    async with TcpProxy(f"unix:{path}") as proxy:
        async with caller(proxy.address) as stream:
            with pytest.raises(ConnectionResetError):
                await rest(stream)
        async with echo(path), caller(proxy.address) as stream:
            assert await said(stream, b"hello") == b"hello"


async def test_delayed_bytes_arrive_later_and_restore_brings_them_at_once():
    async with proxied() as proxy, caller(proxy.address) as stream:
        proxy.delay(0.1, directions=[Direction.TO_TARGET])
        begun = time.monotonic()
        assert await said(stream, b"slow") == b"slow"
        assert time.monotonic() - begun >= 0.1
        proxy.delay(3600)
        stream[1].write(b"later")
        assert await is_silent(stream)
        proxy.restore()
        async with asyncio.timeout(LIMIT_S):
            assert await stream[0].readexactly(5) == b"later"


async def test_throttled_bytes_arrive_no_faster_than_allowed():
    async with proxied() as proxy, caller(proxy.address) as stream:
        proxy.throttle(20_000, directions=[Direction.TO_CLIENT])
        begun = time.monotonic()
        assert await said(stream, bytes(4000)) == bytes(4000)
        assert time.monotonic() - begun >= 3000 / 20_000


async def test_cut_closes_all_and_refuses_until_restored():
    async with proxied() as proxy:
        async with caller(proxy.address) as stream:
            await said(stream, b"hello")
            proxy.cut()
            assert await rest(stream) == b""
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(*proxy.address.rsplit(":", 1))
            with socket.socket() as thief, pytest.raises(OSError, match="in use"):
                thief.bind(("127.0.0.1", int(proxy.address.rsplit(":", 1)[1])))
        proxy.restore()
        async with caller(proxy.address) as stream:
            assert await said(stream, b"again") == b"again"


async def test_reset_breaks_what_is_there_and_lets_others_in():
    async with proxied() as proxy:
        async with caller(proxy.address) as stream:
            await said(stream, b"hello")
            proxy.reset()
            with pytest.raises(ConnectionResetError):
                await rest(stream)
        async with caller(proxy.address) as stream:
            assert await said(stream, b"again") == b"again"


async def test_a_reset_of_the_target_reaches_the_client():
    async with proxied() as outer, TcpProxy(outer.address) as proxy, caller(proxy.address) as stream:
        await said(stream, b"hello")
        outer.reset()
        with pytest.raises(ConnectionResetError):
            await rest(stream)


@pytest.mark.parametrize("directions", [[Direction.TO_TARGET], [Direction.TO_CLIENT], BOTH])
async def test_half_open_swallows_silently_and_restore_breaks_what_lost_bytes(directions):
    async with proxied() as proxy, caller(proxy.address) as old, caller(proxy.address) as idle:
        await said(old, b"hello")
        await said(idle, b"hello")
        proxy.half_open(directions=directions)
        async with caller(proxy.address) as new:
            for stream in (old, new):
                stream[1].write(b"anyone?")
                stream[1].write_eof()
                assert await is_silent(stream)
            async with asyncio.timeout(LIMIT_S):
                while sum(link.has_lost for link in proxy._links) < 2:
                    await asyncio.sleep(0.01)
            proxy.restore()
            for stream in (old, new):
                with pytest.raises(ConnectionResetError):
                    await rest(stream)
        assert await said(idle, b"still here") == b"still here"


async def test_truncated_connections_end_after_so_many_bytes():
    async with proxied() as proxy:
        async with caller(proxy.address) as stream:
            await said(stream, b"hello")
            proxy.truncate(3, directions=[Direction.TO_CLIENT])
            stream[1].write(b"abcdef")
            assert await rest(stream) == b"abc"
        async with caller(proxy.address) as stream:
            stream[1].write(b"abcdef")
            assert await rest(stream) == b"abc"
        proxy.restore()
        async with caller(proxy.address) as stream:
            assert await said(stream, b"abcdef") == b"abcdef"


async def test_a_link_under_a_fault_is_forgotten_once_it_is_broken():
    async with proxied() as proxy, caller(proxy.address) as stream:
        await said(stream, b"hello")
        proxy.half_open()
        stream[1].write(b"lost")
        proxy.cut()
        async with asyncio.timeout(LIMIT_S):
            while proxy.connections:
                await asyncio.sleep(0.01)
