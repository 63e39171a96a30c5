"""Supervised fine-tuning: next-token prediction on completions."""
