"""What gRPC's error of a call means, as the error that says what to do about it.

Not here: errors that the server itself answered (``nascore.status``), and TLS handshakes (``handshake``).
"""

from __future__ import annotations

import os

import grpc

from nascore.client.address import Address, UnixAddress
from nascore.client.handshake import handshake_trouble
from nascore.client.tls import ClientTls
from nascore.errors import DeadlineError, NascoreError, StateError, UnavailableError, UnsupportedError, sentence
from nascore.status import from_rpc_error

_DETAILS_KEY = "grpc-status-details-bin"


def trouble_of(
    error: grpc.RpcError, method: str, *, timeout_s: float, address: Address, tls: ClientTls | None, is_closed: bool
) -> NascoreError:
    """Return the error that says what gRPC's means.

    Args:
        error: What gRPC raised.
        method: Full name of what was called.
        timeout_s: Its deadline, in seconds.
        address: Where the server listens.
        tls: How it is spoken to.
        is_closed: Whether the caller has closed the connection.
    """
    known = from_rpc_error(error)
    details = str(known)
    if not _is_ours(error) and isinstance(known, UnsupportedError):
        return _unknown_call(method, address)
    if _is_ours(error) or not isinstance(known, UnavailableError):
        return known
    if is_closed:
        return StateError(f"The client of {address} was closed during the call.", hint="Make a new one.")
    if isinstance(known, DeadlineError):
        return DeadlineError(
            f"{method.rpartition('/')[2]}: no answer from the server at {address} within {timeout_s:g} s.",
            hint="It may be overloaded or stopped in a debugger; try again, or raise timeout_s.",
        )
    return handshake_trouble(address, tls, details) or UnavailableError(
        f"Cannot reach the server at {address}: {sentence(details)}", hint=_remedy(address)
    )


def _is_ours(error: grpc.RpcError) -> bool:
    if not isinstance(error, grpc.Call):
        return False
    metadata = error.trailing_metadata()  # type: ignore[no-untyped-call]  # grpc is not annotated
    return any(key == _DETAILS_KEY for key, _ in metadata or ())


def _unknown_call(method: str, address: Address) -> UnsupportedError:
    service, _, call = method.lstrip("/").rpartition("/")
    has_weights = service.endswith(".WeightService")
    return UnsupportedError(
        f"The server at {address} does not know the call {call}{' of weights' if has_weights else ''}.",
        hint="It keeps no weights, or is of another version of nascore."
        if has_weights
        else "A server of weights alone (`nascore weights serve`) has no experiments: "
        f"`nascore weights ls --server {address}` lists what it has. Any other is of another version of nascore.",
    )


def _remedy(address: Address) -> str:
    if isinstance(address, UnixAddress) and not os.path.exists(address.path):  # noqa: PTH110
        return "There is no such socket: the server has ended, or the address is old. Check NASCORE_SERVER."
    return "Check that it runs and that NASCORE_SERVER names its address; `nascore serve` starts one."
