"""Kustomize's files: what they say of others, and what they compose, as kubectl would."""
