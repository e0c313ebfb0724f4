"""Taking orders and seeing them through."""
