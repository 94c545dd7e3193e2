"""A proxy that spoils connections on purpose: delay, throttle, cut, reset, half-open, truncate; for tests of clients.

Not here: faults within a process (``nascore.failpoints``) and its death (``nascore.testing.killing``).
"""

from nascore.testing.proxy.rules import BOTH, Direction
from nascore.testing.proxy.tcp import TcpProxy
from nascore.testing.proxy.threaded import ProxyThread

__all__ = ["BOTH", "Direction", "ProxyThread", "TcpProxy"]
