"""Anybody's manifests, read into one cross-referenced index."""
