"""Stores by their names in the facts: opened with the credentials of now, asked whether they answer, closed."""
