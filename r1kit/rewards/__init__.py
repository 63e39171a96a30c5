"""Rewards: where answers are found, how they are verified, and how verdicts add up."""
