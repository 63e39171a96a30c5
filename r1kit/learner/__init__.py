"""The training core that every trained model shares: packing, log-probabilities, optimizer, checkpoints."""
