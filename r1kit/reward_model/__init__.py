"""Reward models: preference pairs in, a model that scores a response out (section 2.3.4)."""
