"""What a service is told from outside: its binding, its live values and its secrets, all of them files."""
