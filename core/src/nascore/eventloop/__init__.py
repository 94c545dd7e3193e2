"""The event loop that every process of nascore runs on, and what is spoken on it beside gRPC: frames."""

from nascore.eventloop.door import FrameDoor
from nascore.eventloop.frames import KEY_BYTES, MAX_FRAME_BYTES, FrameClient, FrameProtocol, has_frames
from nascore.eventloop.loop import loop_factory

__all__ = ["KEY_BYTES", "MAX_FRAME_BYTES", "FrameClient", "FrameDoor", "FrameProtocol", "has_frames", "loop_factory"]
