"""The scale model's base: its corpus, its tokenizer and its pretraining."""
