"""Gateway and mesh as Envoy's resources: pure functions from what the rooms decided and where things are."""
