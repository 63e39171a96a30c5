"""What a run leaves behind for people: metrics, a live display, figures, a summary, one HTML page."""
