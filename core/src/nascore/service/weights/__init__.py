"""The weight service: its calls, and the streams of uploads and downloads behind them.

Not here: a server of it alone (``nascore.service.weight_server``), live tables (``nascore.service.live_tables``).
"""

from nascore.service.weights.servicer import WeightServicer

__all__ = ["WeightServicer"]
