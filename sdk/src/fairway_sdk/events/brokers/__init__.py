"""The brokers: each carries envelopes, and forgets none before it was told to."""
