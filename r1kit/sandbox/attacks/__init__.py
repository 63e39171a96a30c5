"""Attacks on a box, as data: what a hostile program would try, one idea each, written so that they do no harm."""

from __future__ import annotations

from r1kit.sandbox.attacks.base import Attack, Stage
from r1kit.sandbox.attacks.changing import CHANGING, GAINING
from r1kit.sandbox.attacks.seeing import SEEING
from r1kit.sandbox.attacks.using import USING

ATTACKS = {attack.name: attack for attack in (*SEEING, *CHANGING, *GAINING, *USING)}
"""By name, in the order in which they are run and printed."""

__all__ = ["ATTACKS", "Attack", "Stage"]
