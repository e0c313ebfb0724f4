"""Settings of strangers' services that ask for lines of free text."""

from pathlib import Path

import pytest

from fairway.core.rule import Finding
from fairway.estate.read import read
from fairway.stages.s06_observability import structured_logs

APP = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: main
        image: IMAGE
        ports: [{containerPort: 8080}]
        SAYS
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data: {LOG_FORMAT: text, OTHER: text}
"""


def judge(folder: Path, says: str, image: str = "example/web:1", name: str = "system.yaml") -> list[Finding]:
    """Let the rule judge one service that is told something."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(APP.replace("IMAGE", image).replace("SAYS", says))
    return list(structured_logs.check(read([folder])))


def variable(name: str, value: str) -> str:
    """Write a variable."""
    return f'env: [{{name: {name}, value: "{value}"}}]'


TEXT = {
    "a format": variable("LOG_FORMAT", "text"),
    "a format with a prefix": variable("ORDERS_LOG_FORMAT", "Console"),
    "an encoding": variable("LOG_ENCODING", "console"),
    "of .NET": variable("Logging__Console__FormatterName", "simple"),
    "of Quarkus": variable("QUARKUS_LOG_CONSOLE_JSON", "false"),
    "of Spring": variable("LOGGING_PATTERN_CONSOLE", "%d{HH:mm} %-5level %msg%n"),
    "JSON is off": variable("LOG_JSON", "0"),
    "an argument": "args: [--port=80, --log-format=text]",
    "two arguments": "args: [--log-format, pretty]",
    "of zap": "command: [web, --zap-encoder=console]",
    "a ConfigMap": "envFrom: [{configMapRef: {name: settings}}]",
    "a key of a ConfigMap": "env: [{name: LOG_FORMAT, valueFrom: {configMapKeyRef: {name: settings, key: OTHER}}}]",
}


@pytest.mark.parametrize("says", TEXT.values(), ids=TEXT)
def test_a_service_that_is_told_to_write_text_is_found_once(says: str, tmp_path: Path) -> None:
    """Where the setting stands, as a remark."""
    (one,) = judge(tmp_path, says)
    assert one.severity == "warning"
    assert one.resource.startswith("ConfigMap" if "configMap" in says else "Deployment")


FIELDS = {
    "JSON": variable("LOG_FORMAT", "json"),
    "logfmt has fields": "args: [--log.format=logfmt]",
    "JSON is on": variable("LOG_JSON", "true"),
    "a pattern of JSON": variable("LOGGING_PATTERN_CONSOLE", '{\\"level\\":\\"%level\\"}%n'),
    "a level": variable("LOG_LEVEL", "text"),
    "the format of something else": variable("DIALOG_FORMAT_HELP", "text"),
    "a format of files": variable("EXPORT_FORMAT", "text"),
    "nothing": "",
}


@pytest.mark.parametrize("says", FIELDS.values(), ids=FIELDS)
def test_a_service_that_is_told_nothing_of_text_is_left_alone(says: str, tmp_path: Path) -> None:
    """Its lines may well be text; no file tells."""
    assert judge(tmp_path, says) == []


def test_the_tools_of_others_may_write_as_they_like(tmp_path: Path) -> None:
    """Their makers chose."""
    assert judge(tmp_path, TEXT["an argument"], "grafana/grafana:12.0.0") == []


def test_on_a_developers_own_machine_text_is_right(tmp_path: Path) -> None:
    """There a person reads it."""
    assert judge(tmp_path / "a", TEXT["a format"], name="overlays/development/web.yaml") == []
    assert len(judge(tmp_path / "b", TEXT["a format"], name="overlays/production/web.yaml")) == 1


def test_a_setting_that_several_read_is_found_once(tmp_path: Path) -> None:
    """One change mends all."""
    text = APP.replace("IMAGE", "example/web:1").replace("SAYS", TEXT["a ConfigMap"])
    other = text.replace("web", "cart").rpartition("---")[0]
    (tmp_path / "system.yaml").write_text(f"{text}---\n{other}")
    assert len(list(structured_logs.check(read([tmp_path])))) == 1
