"""Cooking what was ordered."""
