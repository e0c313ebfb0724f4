"""Where lines are kept and searched, each class of data for its time: Loki, or Elasticsearch by its operator."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from fairway.core.artefact import Manifest, Site
from fairway.core.cluster import LOGS, OBSERVABILITY, host
from fairway.core.conditions import TRACING
from fairway.core.images import IMAGES
from fairway.core.labels import SINGLE_REPLICA
from fairway.core.profile import Landscape
from fairway.core.secrets import external_secret
from fairway.stages.s06_observability.build import placing
from fairway.stages.s06_observability.build.log_collectors import (
    CERTIFICATE,
    ELASTICSEARCH_PORT,
    LOKI_PORT,
    OTHERS,
    RULE,
    WRITER,
    classes,
    index,
)
from fairway.stages.s06_observability.decisions import system
from fairway.stages.s06_observability.decisions.telemetry import LOGS_KEPT
from fairway.yaml.writer import write_document

LOKI: Final = LOGS["loki"]
LOKI_USER: Final = (10001, 10001)
ELASTICSEARCH: Final = LOGS["elasticsearch"]
ELASTICSEARCH_VERSION: Final = "8.19.8"
ELASTICSEARCH_USER: Final = (1000, 1000)
SETUP: Final = "elasticsearch-setup"
CURL_USER: Final = (100, 101)
ALONE: Final = "one process with a disk of its own; what it does not take in waits on the nodes"
TRACES_WRITER: Final = "traces-writer"
READER: Final = "logs-reader"  # Grafana


def manifests(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Build the store that was chosen."""
    decided = system.log_pipeline(landscape)
    found = _loki(landscape) if decided.value.store == "loki" else _elasticsearch(landscape, site)
    for file, obj in found:
        yield placing.manifest(RULE, decided.topic, file, obj)


def loki_configuration(landscape: Landscape) -> str:
    """Write the configuration of Loki: one process, and a time to live for each class of data."""
    kept = system.log_pipeline(landscape).value.kept
    streams = [
        {
            "selector": f'{{system="{landscape.system.system}",service=~"{"|".join(services)}"}}',
            "priority": 1,
            "period": kept[data],
        }
        for data, services in classes(landscape).items()
    ]
    return write_document(
        {
            "auth_enabled": False,
            "server": {
                "http_listen_port": LOKI_PORT,
                "http_tls_config": {"cert_file": "/certificates/tls.crt", "key_file": "/certificates/tls.key"},
                "log_level": "warn",
            },
            "common": {
                "path_prefix": "/loki",
                "replication_factor": 1,
                "ring": {"kvstore": {"store": "inmemory"}, "instance_addr": "127.0.0.1"},
                "storage": {"filesystem": {"chunks_directory": "/loki/chunks", "rules_directory": "/loki/rules"}},
            },
            "schema_config": {
                "configs": [
                    {
                        "from": "2025-01-01",
                        "store": "tsdb",
                        "object_store": "filesystem",
                        "schema": "v13",
                        "index": {"prefix": "index_", "period": "24h"},
                    }
                ]
            },
            "compactor": {
                "working_directory": "/loki/compactor",
                "retention_enabled": True,
                "delete_request_store": "filesystem",
            },
            "limits_config": {
                "retention_period": LOGS_KEPT[OTHERS][0],
                "retention_stream": streams,
                "allow_structured_metadata": True,
                "reject_old_samples_max_age": "168h",
            },
            "analytics": {"reporting_enabled": False},
        }
    )


def _loki(landscape: Landscape) -> Iterator[tuple[str, dict[str, Any]]]:
    configuration = placing.config_map(landscape, LOKI, {"loki.yaml": loki_configuration(landscape)})
    container = {
        "image": IMAGES["loki"],
        "args": ["-config.file=/etc/loki/loki.yaml"],
        "ports": [{"name": "http", "containerPort": LOKI_PORT}],
        "resources": placing.resources("250m", "1Gi"),
        "volumeMounts": [
            {"name": "configuration", "mountPath": "/etc/loki", "readOnly": True},
            {"name": "lines", "mountPath": "/loki"},
            {"name": "certificates", "mountPath": "/certificates", "readOnly": True},
            {"name": "scratch", "mountPath": "/tmp"},  # noqa: S108 - the container's own
        ],
        **placing.probes("/ready", "http", "HTTPS"),
    }
    volumes = [
        {"name": "configuration", "configMap": {"name": configuration["metadata"]["name"]}},
        {"name": "certificates", "secret": {"secretName": placing.keys_of(LOKI)}},
        {"name": "scratch", "emptyDir": {"sizeLimit": "64Mi"}},
    ]
    yield f"certificate-{LOKI}", placing.certificate(landscape, LOKI)
    yield f"serviceaccount-{LOKI}", placing.account(landscape, LOKI)
    yield f"configmap-{LOKI}", configuration
    yield f"service-{LOKI}", placing.service(landscape, LOKI, {"http": LOKI_PORT}, headless=True)
    yield (
        f"statefulset-{LOKI}",
        {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "metadata": placing.described(landscape, LOKI, notes={SINGLE_REPLICA: ALONE}),
            "spec": {
                "serviceName": LOKI,
                "replicas": 1,
                "selector": placing.chosen(landscape, LOKI),
                "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
                "template": placing.pod(landscape, LOKI, container, volumes, LOKI_USER),
                "volumeClaimTemplates": [
                    {
                        "apiVersion": "v1",
                        "kind": "PersistentVolumeClaim",
                        "metadata": {"name": "lines"},
                        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "100Gi"}}},
                    }
                ],
            },
        },
    )


def _elasticsearch(landscape: Landscape, site: Site) -> Iterator[tuple[str, dict[str, Any]]]:
    traced = any(TRACING(profile).holds for profile in landscape.services.values())
    users = (WRITER, READER, TRACES_WRITER) if traced else (WRITER, READER)
    for user in users:
        secret = external_secret(
            landscape,
            site,
            placing.described(landscape, ELASTICSEARCH, user),
            {"password": ("observability", f"{user}-password")},
            refresh="1h",
        )
        yield f"externalsecret-{user}", secret
    named = tuple(f"{ELASTICSEARCH}-es-{way}" for way in ("http", "internal-http"))  # for all, and for its operator
    yield f"certificate-{ELASTICSEARCH}", placing.certificate(landscape, ELASTICSEARCH, named)
    yield (
        "elasticsearch",
        {
            "apiVersion": "elasticsearch.k8s.elastic.co/v1",
            "kind": "Elasticsearch",
            "metadata": placing.described(landscape, ELASTICSEARCH),
            "spec": {
                "version": ELASTICSEARCH_VERSION,
                "http": {"tls": {"certificate": {"secretName": placing.keys_of(ELASTICSEARCH)}}},
                "volumeClaimDeletePolicy": "DeleteOnScaledownOnly",
                "nodeSets": [_nodes(landscape)],
            },
        },
    )
    setup = placing.config_map(landscape, SETUP, _requests(landscape, users))
    yield f"serviceaccount-{SETUP}", placing.account(landscape, SETUP)
    yield f"configmap-{SETUP}", setup
    yield f"job-{SETUP}", _setup_job(landscape, setup["metadata"]["name"], users)


def _nodes(landscape: Landscape) -> dict[str, Any]:
    container = {
        "name": "elasticsearch",
        "resources": placing.resources("1", "4Gi", most="2"),
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    return {
        "name": "nodes",
        "count": 3,
        "config": {"node.store.allow_mmap": False},
        "podTemplate": {
            "metadata": {"labels": placing.described(landscape, ELASTICSEARCH)["labels"]},
            "spec": {
                "automountServiceAccountToken": False,
                "securityContext": placing.only_user(ELASTICSEARCH_USER),
                "containers": [container],
            },
        },
        "volumeClaimTemplates": [
            {
                "metadata": {"name": "elasticsearch-data"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "100Gi"}}},
            }
        ],
    }


def _requests(landscape: Landscape, users: tuple[str, ...]) -> dict[str, str]:
    """Say what Elasticsearch is told once: how long each class is kept, and what those who write may do."""
    kept = system.log_pipeline(landscape).value.kept
    files: dict[str, str] = {}
    for data in dict.fromkeys((*kept, OTHERS)):
        template = {
            "index_patterns": [index(landscape, data)],
            "priority": 500,
            "data_stream": {},
            "template": {
                "lifecycle": {"data_retention": LOGS_KEPT[data][0]},
                "mappings": {"dynamic_templates": [_WORDS]},
            },
        }
        files[f"template-{data}.json"] = _json(template)
    lines = f"logs-{landscape.system.system}-*"
    rights = {
        WRITER: (["monitor"], lines, ["auto_configure", "create_doc"]),
        READER: (["monitor"], lines, ["read", "view_index_metadata"]),
        TRACES_WRITER: (
            ["monitor", "manage_index_templates"],
            "jaeger-*",
            ["create_index", "delete_index", "manage", "read", "write"],
        ),
    }
    for user in users:
        cluster, names, privileges = rights[user]
        files[f"role-{user}.json"] = _json(
            {"cluster": cluster, "indices": [{"names": [names], "privileges": privileges}]}
        )
    files["setup.sh"] = _SCRIPT.format(
        address=f"https://{host('elasticsearch-es-http', OBSERVABILITY)}:{ELASTICSEARCH_PORT}",
        system=landscape.system.system,
        users=" ".join(users),
    )
    return files


_WORDS: Final = {"words": {"match_mapping_type": "string", "mapping": {"type": "keyword", "ignore_above": 8191}}}
_SCRIPT: Final = """\
set -eu
put() {{
  printf 'user = "elastic:%s"' "$(cat /passwords/elastic/elastic)" | curl --config - \\
    --fail-with-body --silent --show-error --retry 20 --retry-all-errors --retry-delay 10 \\
    --cacert /certificates/ca.crt \\
    --header 'Content-Type: application/json' --request PUT "{address}/$1" --data-binary "$2"
  echo
}}
for file in /setup/template-*.json; do
  data=${{file#/setup/template-}}
  put "_index_template/logs-{system}-${{data%.json}}" "@$file"
done
for user in {users}; do
  put "_security/role/$user" "@/setup/role-$user.json"
  put "_security/user/$user" "{{\\"password\\":\\"$(cat "/passwords/$user/password")\\",\\"roles\\":[\\"$user\\"]}}"
done
"""


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def _setup_job(landscape: Landscape, configuration: str, users: tuple[str, ...]) -> dict[str, Any]:
    """Tell Elasticsearch; the Job's name carries the hash of what it tells, since a Job never changes."""
    container = {
        "image": IMAGES["curl"],
        "command": ["/bin/sh", "/setup/setup.sh"],
        "resources": placing.resources("50m", "64Mi"),
        "volumeMounts": [
            {"name": "setup", "mountPath": "/setup", "readOnly": True},
            {"name": "certificates", "mountPath": "/certificates", "readOnly": True},
            {"name": "elastic", "mountPath": "/passwords/elastic", "readOnly": True},
            *({"name": one, "mountPath": f"/passwords/{one}", "readOnly": True} for one in users),
        ],
    }
    volumes = [
        {"name": "setup", "configMap": {"name": configuration}},
        {"name": "certificates", "secret": {"secretName": CERTIFICATE}},
        {"name": "elastic", "secret": {"secretName": "elasticsearch-es-elastic-user"}},
        *({"name": one, "secret": {"secretName": one}} for one in users),
    ]
    template = placing.pod(landscape, SETUP, container, volumes, CURL_USER)
    template["spec"]["restartPolicy"] = "OnFailure"
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": placing.described(landscape, SETUP, configuration),
        "spec": {"backoffLimit": 10, "activeDeadlineSeconds": 3600, "template": template},
    }
