"""Kubernetes: manifests from decided parts."""
