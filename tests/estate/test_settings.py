"""What a variable holds is a secret, or differs between environments, or neither."""

import time
from pathlib import Path

import pytest

from fairway.estate.index import Estate
from fairway.estate.read import read
from fairway.estate.secret_values import literal_secret
from fairway.estate.settings import varies

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"  # noqa: S105 - made up


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MYSQL_ROOT_PASSWORD", "fake_password"),
        ("dbPassword", "x"),
        ("PGPASSWORD", "x"),
        ("DB_PASS", "pg"),
        ("PASSWORD", "12345"),
        ("ADMIN_PASSWORD", "$ecret"),
        ("API_KEY", "abc"),
        ("APIKey", "abc"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("SECRET_KEY_BASE", "0123456789abcdef"),
        ("AUTH_TOKEN", "abc123"),
        ("CLIENT_SECRET", "abc123"),
        ("ID", "AKIAIOSFODNN7EXAMPLE"),
        ("HEADER", f"Bearer {TOKEN}"),
        ("DATABASE_URL", "postgres://app:hunter2@db:5432/shop"),
        ("BROKER", "amqp://guest:guest@mq:5672"),
        ("CONNECTION", "Server=db;User Id=app;Password=hunter2;"),
        ("JAVA_OPTS", "-Xmx1g -Djavax.net.ssl.trustStorePassword=changeit"),
        ("CERT", "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE"),
    ],
)
def test_a_secret_is_known_by_its_name_or_by_itself(name: str, value: str) -> None:
    """The words that say why never show it."""
    said = literal_secret(name, value)
    assert said
    assert "hunter2" not in said
    assert value not in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", ""),
        ("DB_PASSWORD_FILE", "hunter2"),
        ("DB_PASSWORD", "/run/secrets/db-password"),
        ("DB_PASSWORD", "$(OTHER)"),
        ("DB_PASSWORD", "${DB_PASSWORD}"),
        ("DB_PASSWORD", "<password>"),
        ("DB_PASSWORD", "vault:secret/data/db#password"),
        ("DB_PASSWORD", "arn:aws:secretsmanager:eu-west-1:1:secret:x"),
        ("DISABLE_PASSWORD", "true"),
        ("ALLOW_EMPTY_PASSWORD", "yes"),
        ("REQUIRE_TOKEN", "1"),
        ("TOKEN_TTL", "3600"),
        ("ACCESS_TOKEN", "15m"),
        ("MAX_TOKENS", "4096"),
        ("PASSWORD_MIN_LENGTH", "12"),
        ("SECRET_NAME", "db-credentials"),
        ("TLS_SECRET", "shop-tls"),
        ("TOKEN_URL", "https://id.example.com/token"),
        ("TOKEN", "https://id.example.com/token"),
        ("SORT_KEY", "created"),
        ("PARTITION_KEY", "tenant"),
        ("PUBLIC_KEY", "ssh-ed25519 AAAA"),
        ("PWD", "/app"),
        ("BYPASS", "all"),
        ("PROXY_PASS", "http://app:80"),
        ("DATABASE_URL", "postgres://app:$(DB_PASSWORD)@db:5432/shop"),
        ("DATABASE_URL", "postgres://app@db:5432/shop"),
        ("JAVA_OPTS", "-Xms64m -Djava.security.egd=file:/dev/urandom"),
        ("PORT", "8080"),
    ],
)
def test_a_switch_a_path_a_reference_or_a_name_is_no_secret(name: str, value: str) -> None:
    """These are what other auditors cry about."""
    assert literal_secret(name, value) == ""


def test_the_name_of_a_secret_in_the_estate_is_no_secret() -> None:
    """It only says where the secret is."""
    assert literal_secret("STRIPE_SECRET", "stripe") != ""
    assert literal_secret("STRIPE_SECRET", "stripe", {"stripe"}) == ""


@pytest.mark.parametrize(
    "value", ["*" * 5000 + "!", "x" * 5000 + "!", "a/" * 5000 + "!", "{{" * 3000, "<" * 5000, "=" * 5000]
)
def test_odd_values_take_no_time(value: str) -> None:
    """No pattern goes back and forth over what it has seen."""
    start = time.process_time()
    literal_secret("DB_PASSWORD", value)
    assert time.process_time() - start < 0.5


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    """Give an estate with two namespaces."""
    (tmp_path / "a.yaml").write_text(
        "apiVersion: v1\nkind: Service\nmetadata: {name: db, namespace: shop}\nspec: {ports: [{port: 1}]}\n---\n"
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: monitoring}\n"
    )
    return read([tmp_path])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_URL", "https://api.prod.example.com/v1"),
        ("DB_HOST", "db.internal.example.com"),
        ("KAFKA_BROKERS", "b1.example.com:9092,b2.example.com:9092"),
        ("REDIS_ADDR", "10.12.0.7:6379"),
        ("X", "http://192.168.1.4/"),
        ("ENVIRONMENT", "production"),
        ("SPRING_PROFILES_ACTIVE", "prod,kubernetes"),
        ("APP_ENV", "Staging"),
        ("AWS_REGION", "eu-west-1"),
        ("GCP_REGION", "europe-west4"),
        ("S3_BUCKET", "acme-invoices"),
        ("GOOGLE_CLOUD_PROJECT", "acme-1234"),
        ("COOKIE_DOMAIN", ".example.com"),
    ],
)
def test_what_names_one_environment_varies(estate: Estate, name: str, value: str) -> None:
    """Hosts outside the cluster, machines, environments, regions and what lies in one cloud account."""
    assert varies(estate, "shop", name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_ADDR", "db:5432"),
        ("DB_ADDR", "db.shop:5432"),
        ("DB_URL", "postgres://db.shop.svc.cluster.local:5432/x"),
        ("OTHER_ADDR", "not-read:80"),
        ("OTLP", "http://collector.monitoring:4317"),
        ("OTLP", "http://collector.elsewhere.svc:4317"),
        ("LISTEN", "0.0.0.0:8080"),
        ("HOST", "127.0.0.1"),
        ("URL", "http://localhost:8080"),
        ("URL", "http://$(HOST):8080"),
        ("PORT", "8080"),
        ("JAVA_OPTS", "-Xms64m -Dspring.zipkin.enabled=false"),
        ("DB_DRIVER", "org.postgresql.Driver"),
        ("ENTRY", "main.py"),
        ("VERSION", "1.2.3"),
        ("NODE_ENV", "production"),
        ("LOG_LEVEL", "debug"),
        ("ENABLE_PROFILER", "0"),
        ("ENV_PLATFORM", "local"),
        ("USERS", "10"),
        ("METADATA", "http://metadata.google.internal/computeMetadata"),
    ],
)
def test_what_is_the_same_everywhere_does_not_vary(estate: Estate, name: str, value: str) -> None:
    """Names of services in the cluster, the container's own ports, switches and sizes."""
    assert varies(estate, "shop", name, value) == ""
