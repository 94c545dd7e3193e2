"""A tuner elsewhere behind TLS: real handshakes with a real server, good ones and such as must fail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import Random
from typing import Any

import grpc
import pytest
from nascore.errors import NascoreError, UnavailableError
from nascore.record import Objective, Outcome, Proposal, proposal_seed
from nascore.testing.spaces import KNOWN_SPACES
from nascore.tuner import HostLimits, NoProposal, Settings, Tuner, connect
from nascore.tuner.contract import Setup
from nascore.tuner.servicer import Hosted, tuner_handler

SETUP = Setup(KNOWN_SPACES["flat28"], (Objective("accuracy"),), 7)
LIMITS = HostLimits(backoff_s=0.01)


class Guessing(Tuner[Settings]):
    name = "guessing"

    def ask(self, number: int, seed: int) -> Proposal | NoProposal:
        return Proposal(number, self.space.sample(Random(seed)))

    def tell(self, proposal: Proposal, outcome: Outcome) -> None:
        pass


@asynccontextmanager
async def serving(certificates: Any, name: str) -> AsyncIterator[int]:
    """Serve a tuner with the certificate of that name ("" for none); yields the port."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((tuner_handler(Hosted(Guessing)),))
    if name:
        pair = (certificates.key(name).read_bytes(), certificates.certificate(name).read_bytes())
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(0)


async def first_proposal(address: str, roots: bytes | None) -> Proposal:
    session = await connect(address, history=list, limits=LIMITS, on_trouble=print, tls_roots=roots)
    settings: Mapping[str, Any] = {}
    try:
        await session.open(SETUP, settings)
        return (await session.ask(0, [proposal_seed(7, 0)])).proposals[0]
    finally:
        await session.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_tuner_behind_tls_proposes(certificates: Any, host: str) -> None:
    async with serving(certificates, "server") as port:
        proposal = await first_proposal(f"grpcs://{host}:{port}", certificates.certificate("root").read_bytes())
    assert proposal.architecture == SETUP.space.sample(Random(proposal_seed(7, 0)))


@pytest.mark.parametrize(
    ("name", "roots", "words"),
    [
        ("server", "stranger", "CERTIFICATE_VERIFY_FAILED"),
        ("elsewhere", "root", "Hostname Verification Check failed"),
        ("expired", "root", "certificate has expired"),
        ("", "root", "WRONG_VERSION_NUMBER"),
    ],
)
async def test_tuner_that_cannot_show_who_it_is_is_not_spoken_to(
    certificates: Any, name: str, roots: str, words: str
) -> None:
    async with serving(certificates, name) as port:
        with pytest.raises(UnavailableError) as caught:
            await first_proposal(f"grpcs://127.0.0.1:{port}", certificates.certificate(roots).read_bytes())
    assert caught.value.message.startswith(f"No tuner answers at grpcs://127.0.0.1:{port}")
    assert words in str(caught.value)


async def test_tuner_that_the_system_does_not_trust_is_not_spoken_to(certificates: Any) -> None:
    async with serving(certificates, "server") as port:
        with pytest.raises(NascoreError, match="CERTIFICATE_VERIFY_FAILED"):
            await first_proposal(f"grpcs://127.0.0.1:{port}", None)


async def test_plain_words_to_a_tuner_behind_tls_are_not_answered(certificates: Any) -> None:
    async with serving(certificates, "server") as port:
        with pytest.raises(UnavailableError, match=r"No tuner answers at grpc://127\.0\.0\.1"):
            await first_proposal(f"grpc://127.0.0.1:{port}", None)
