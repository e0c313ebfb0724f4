"""REST at the edge: FastAPI on uvicorn, with telemetry, identity and deadlines as plain ASGI."""
