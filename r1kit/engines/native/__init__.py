"""The in-process engine: pure PyTorch over transformers' own modules. Read `engine.py`, then `scheduler.py`."""

from r1kit.engines.native.engine import NativeEngine

__all__ = ["NativeEngine"]
