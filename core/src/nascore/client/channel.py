"""How a gRPC channel of a client is set up: sizes, keepalive, and how soon it connects again.

Not here: calls, and when they are tried again (``nascore.client.connection``). Source for the options:
https://github.com/grpc/grpc/blob/master/include/grpc/impl/channel_arg_names.h.
"""

from __future__ import annotations

import grpc

from nascore.client.address import Address
from nascore.client.tls import ClientTls

MAX_MESSAGE_BYTES = 4 << 20


def open_channel(address: Address, tls: ClientTls | None) -> grpc.Channel:
    """Return a channel to a server; ``None`` for TLS means plain text."""
    options = [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.enable_retries", 0),
        # Subchannels are shared by target within a process otherwise, and with them a broken one's back-off.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 1000),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
    ]
    channel: grpc.Channel
    if tls is None:
        # An http_proxy of the environment must not be asked for an address of this machine.
        local = [*options, ("grpc.enable_http_proxy", 0)]
        channel = grpc.insecure_channel(address.target, local)  # type: ignore[no-untyped-call]  # grpc is not annotated
        return channel
    channel = grpc.secure_channel(address.target, tls.credentials(), options)  # type: ignore[no-untyped-call]  # grpc is not annotated
    return channel
