"""Instruction following that a program can check: IFEval's 25 instructions (Zhou et al., arXiv:2311.07911)."""

from r1kit.rewards.ifeval.judge import INSTRUCTIONS, build_checkers, judge_ifeval, judge_ifeval_loose, verify_ifeval

__all__ = ["INSTRUCTIONS", "build_checkers", "judge_ifeval", "judge_ifeval_loose", "verify_ifeval"]
