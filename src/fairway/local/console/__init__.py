"""The page that shows a local system as it works, and the process that serves it."""
