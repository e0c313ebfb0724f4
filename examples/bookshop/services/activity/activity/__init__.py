"""Remembering what was looked at."""
