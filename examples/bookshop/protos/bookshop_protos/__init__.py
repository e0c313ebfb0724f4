"""What the services of the bookshop say to one another, written by scripts/protos.py from the .proto files."""
