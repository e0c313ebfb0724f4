"""Getting parcels to readers."""
