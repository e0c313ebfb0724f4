"""What all tests of this repository share."""

pytest_plugins = ["fairway_sdk.testing.fixtures"]
