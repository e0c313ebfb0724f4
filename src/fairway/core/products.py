"""The names of the products that facts choose between, as people write them, and what each engine is made for."""

from typing import Final

from fairway.core.facts import Engine, Workload

ENGINES: Final[dict[Engine, str]] = {
    "postgresql": "PostgreSQL",
    "mysql": "MySQL",
    "cassandra": "Cassandra",
    "dynamodb": "DynamoDB",
    "redis": "Redis",
}
SUITED: Final[dict[Workload, tuple[Engine, ...]]] = {
    "transactional": ("postgresql", "mysql"),
    "write-heavy": ("cassandra", "dynamodb"),
    "cache": ("redis",),
}
SECRETS_MANAGERS: Final = {
    "vault": "Vault",
    "aws": "AWS Secrets Manager",
    "gcp": "Google Secret Manager",
    "azure": "Azure Key Vault",
}
KEY_MANAGERS: Final = {"vault": "Vault", "aws": "AWS KMS", "gcp": "Cloud KMS", "azure": "Azure Key Vault"}
