"""Taking and returning money."""
