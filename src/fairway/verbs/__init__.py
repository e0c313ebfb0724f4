"""What a person can ask for: one short file for each command, a loop over the rooms."""
