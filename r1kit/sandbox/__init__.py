"""Boxes for programs that a model wrote: `open_sandbox` gives the best kind that this machine has."""

from __future__ import annotations

from r1kit.sandbox.base import Ending, Guarantee, Limits, Outcome, Sandbox, SandboxError
from r1kit.sandbox.choose import open_sandbox

__all__ = ["Ending", "Guarantee", "Limits", "Outcome", "Sandbox", "SandboxError", "open_sandbox"]
