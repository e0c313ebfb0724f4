"""What a local system tells of itself: spans, log lines, traffic, counts, alerts; gathered, and kept within bounds."""
