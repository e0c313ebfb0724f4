"""A whole system on this machine: its processes, and the files and sockets they share."""
