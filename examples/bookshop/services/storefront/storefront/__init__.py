"""Letting readers browse, search and fill a basket."""
