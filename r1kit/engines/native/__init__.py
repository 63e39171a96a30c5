"""The in-process engine, on the forward pass of `r1kit.models.decoder`. Read `engine.py`, then `scheduler.py`."""

from r1kit.engines.native.engine import NativeEngine

__all__ = ["NativeEngine"]
