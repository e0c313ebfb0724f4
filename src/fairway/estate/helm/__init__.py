"""Helm charts: rendered by the helm that is installed here, with every line told as one of a template."""
