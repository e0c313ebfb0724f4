"""Knowing how many copies there are, and holding them back."""
