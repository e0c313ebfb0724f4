"""What a Service's port says that it speaks: by its appProtocol, or by the beginning of its name as a mesh reads it."""

from typing import Final

from fairway.estate.node import Node

WORDS: Final = {
    "http": "http",
    "http2": "http",
    "https": "http",
    "web": "http",
    "ws": "http",
    "wss": "http",
    "h2c": "http",
    "grpc": "gRPC",
    "mongo": "MongoDB's protocol",
    "mysql": "MySQL's protocol",
    "redis": "Redis' protocol",
    "amqp": "AMQP",
    "kafka": "Kafka's protocol",
    "postgres": "PostgreSQL's protocol",
    "postgresql": "PostgreSQL's protocol",
}


def spoken(port: Node) -> str:
    """Tell what a port speaks: `http`, another protocol in words, or nothing where it does not say."""
    said = port.text("appProtocol").lower().rpartition("/")[2] or port.text("name").lower()
    return WORDS.get(said) or WORDS.get(said.partition("-")[0], "")
