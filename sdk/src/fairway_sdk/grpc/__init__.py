"""gRPC inside: served and called with deadlines, health, reflection, identity and telemetry."""
