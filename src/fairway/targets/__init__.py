"""Where a decided system can live. Targets render; they decide nothing."""
