"""Calls to others: only declared ones, each with a deadline, a breaker, a limit, and an answer for when it fails."""
