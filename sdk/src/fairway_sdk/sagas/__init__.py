"""Sagas: steps in order, each with a way back, kept in the service's own store until they ended well or were undone."""
