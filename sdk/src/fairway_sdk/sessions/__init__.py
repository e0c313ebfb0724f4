"""Sessions live in a store outside the process, so that any replica can go on with any of them."""
