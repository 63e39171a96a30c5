"""Loading and saving models, attention, devices and memory."""
