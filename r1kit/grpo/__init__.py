"""Group relative policy optimization: read `train.py` first."""
