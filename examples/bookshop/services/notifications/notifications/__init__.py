"""Telling readers what happens to their orders."""
