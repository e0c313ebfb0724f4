"""YAML as kubectl reads it, with a line for every key, and YAML that nobody reads otherwise."""
