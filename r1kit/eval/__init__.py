"""Evaluation with the paper's protocol: k samples a problem, pass@1, majority vote."""
