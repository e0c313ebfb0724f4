"""What runs inside a Python service of a Fairway system."""

__version__ = "0.1.0"
