"""Making training data: cold start, rejection sampling, non-reasoning data, filters, the mix, human review."""
