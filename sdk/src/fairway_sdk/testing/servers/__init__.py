"""Real servers for tests: on a socket or loopback port of their own, killed as hard as a test wants.

PostgreSQL, Valkey and the stand-ins for DynamoDB and Kafka come as wheels; NATS, RabbitMQ and MariaDB are taken from
the machine where they are installed. A server that is not there raises `MissingServerError`; a test then skips with its
sentence.
"""

from fairway_sdk.testing.servers.dynamodb import DynamoDB
from fairway_sdk.testing.servers.kafka import Kafka
from fairway_sdk.testing.servers.mariadb import MariaDB
from fairway_sdk.testing.servers.nats import Nats
from fairway_sdk.testing.servers.postgresql import PostgreSQL
from fairway_sdk.testing.servers.process import MissingServerError, ServerProcess
from fairway_sdk.testing.servers.rabbitmq import RabbitMQ
from fairway_sdk.testing.servers.valkey import Valkey

__all__ = [
    "DynamoDB",
    "Kafka",
    "MariaDB",
    "MissingServerError",
    "Nats",
    "PostgreSQL",
    "RabbitMQ",
    "ServerProcess",
    "Valkey",
]
