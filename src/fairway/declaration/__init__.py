"""What a team declared: fairway.yaml and all it includes, held against the types and against itself."""
