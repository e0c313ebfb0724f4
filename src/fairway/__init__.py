"""Plan, build, check, run, drill and deploy a microservice system by a written production standard."""

__version__ = "0.1.0"
