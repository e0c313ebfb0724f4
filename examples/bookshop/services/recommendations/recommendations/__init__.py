"""Suggesting what to read next."""
