"""What a service tells of itself: a line of JSON a request, metrics by the names of the contract, traces."""
