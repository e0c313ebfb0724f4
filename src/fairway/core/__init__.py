"""The words every room speaks: facts, conditions, rules, stages, decisions and the walk."""
