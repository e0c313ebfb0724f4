"""Schemas that grow with the code: a tree of revisions for the SDK's tables, and one of the service's own."""
