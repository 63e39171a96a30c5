"""Supervised fine-tuning: examples and their files, batches, next-token prediction on completions."""
