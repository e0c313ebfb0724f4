"""What sends the lines of every container on: Fluent Bit or Fluentd on each node, to Loki or Elasticsearch.

It reads the disks of nodes, which only Pods of a privileged namespace may, so it has one to itself. Neither asks the
API server: namespace, Pod and container are in the name of each file. The class of data that decides how long a line is
kept follows from the service.
"""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest, Site
from fairway.core.cluster import COLLECTION, LOGS, OBSERVABILITY, host
from fairway.core.facts import DataClass
from fairway.core.images import IMAGES
from fairway.core.profile import Landscape
from fairway.core.secrets import external_secret
from fairway.stages.s06_observability.build import placing
from fairway.stages.s06_observability.decisions import system, telemetry
from fairway.yaml.writer import write_document

RULE: Final = "log-pipeline"
LINES: Final = "/var/log/containers"
READER: Final = (65532, 0)  # lines belong to root, and its group may read them
PLACE: Final = r"(?<pod>[a-z0-9.-]+)_(?<namespace>[^_]+)_(?<service>.+)-[a-f0-9]{64}\.log$"
CRI: Final = r"^(?<time>[^ ]+) (?<stream>stdout|stderr) (?<part>[FP]) (?<log>.*)$"
LOKI_PORT: Final = 3100
ELASTICSEARCH_PORT: Final = 9200
WRITER: Final = "logs-writer"  # its name in Elasticsearch, and of the secret with its password
CERTIFICATE: Final = "elasticsearch-es-http-certs-public"  # the operator keeps it
OTHERS: Final[DataClass] = "internal"  # the class of what is no service of the system: proxies, controllers
PASSWORD: Final = "/password/password"  # noqa: S105 - a path
BUFFER: Final = "1Gi"


def manifests(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Build the collector as one Pod on every node."""
    decided = system.log_pipeline(landscape)
    part, store = decided.value.collector, decided.value.store
    if part == "fluent-bit":
        files = {"fluent-bit.yaml": fluent_bit(landscape, site, store)}
        container = {
            "image": IMAGES["fluent-bit"],
            "args": ["--config=/fluent-bit/etc/fluent-bit.yaml"],
            "ports": [{"name": "metrics", "containerPort": 2020}],
            "resources": placing.resources("50m", "128Mi"),
            **placing.probes("/api/v1/health", "metrics"),
        }
        folder = "/fluent-bit/etc"
    else:
        files = {"fluent.conf": fluentd(landscape, site, store)}
        container = {
            "image": IMAGES[f"fluentd-{store}"],
            "args": ["fluentd", "--config", "/fluentd/etc/fluent.conf", "--plugin", "/fluentd/plugins"],
            "ports": [{"name": "health", "containerPort": 24220}],
            "resources": placing.resources("200m", "512Mi"),
            **placing.probes("/api/plugins.json", "health"),
        }
        folder = "/fluentd/etc"
    configuration = placing.config_map(landscape, part, files, COLLECTION)
    mounts, volumes = _disks(configuration["metadata"]["name"], folder, part, store)
    template = placing.pod(landscape, part, {**container, "volumeMounts": mounts}, volumes, READER)
    template["spec"]["tolerations"] = [{"operator": "Exists", "effect": "NoSchedule"}]
    daemon = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": placing.described(landscape, part, namespace=COLLECTION),
        "spec": {
            "selector": placing.chosen(landscape, part),
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%"}},
            "template": template,
        },
    }
    built = {
        f"serviceaccount-{part}": placing.account(landscape, part, COLLECTION),
        f"certificate-{part}": placing.certificate(landscape, part, namespace=COLLECTION),
        f"configmap-{part}": configuration,
        f"daemonset-{part}": daemon,
    }
    if store == "elasticsearch":
        described = placing.described(landscape, part, WRITER, namespace=COLLECTION)
        entries = {"password": (OBSERVABILITY, f"{WRITER}-password")}
        secret = external_secret(landscape, site, described, entries, refresh="1h")
        built[f"externalsecret-{WRITER}-{COLLECTION}"] = secret
    for file, obj in built.items():
        yield placing.manifest(RULE, decided.topic, file, obj)


def classes(landscape: Landscape) -> dict[DataClass, list[str]]:
    """Name the services of each class of data, as their retention was decided."""
    found: dict[DataClass, list[str]] = {}
    for name, profile in sorted(landscape.services.items()):
        found.setdefault(telemetry.log_retention(profile).value.data, []).append(name)
    return dict(sorted(found.items()))


def index(landscape: Landscape, data: str) -> str:
    """Name the data stream of a class of data."""
    return f"logs-{landscape.system.system}-{data}"


def fluent_bit(landscape: Landscape, site: Site, store: str) -> str:
    """Write the configuration of Fluent Bit."""
    filters: list[dict[str, Any]] = [
        {"name": "parser", "match": "lines.*", "key_name": "file", "parser": "place", "reserve_data": True},
        {"name": "parser", "match": "lines.*", "key_name": "log", "parser": "json", "reserve_data": True},
        {"name": "record_modifier", "match": "lines.*", "record": [f"{k} {v}" for k, v in _where(landscape, site)]},
    ]
    outputs: list[dict[str, Any]] = []
    if store == "loki":
        outputs.append(
            {
                "name": "loki",
                "match": "*",
                "host": host(LOGS["loki"], OBSERVABILITY),
                "port": LOKI_PORT,
                "tls": True,
                "tls.ca_file": "/certificates/ca.crt",
                "label_keys": "$system,$environment,$region,$namespace,$service,$level",
                "structured_metadata": "trace_id=$trace_id,pod=$pod",
                "line_format": "json",
                "compress": "gzip",
                "retry_limit": "no_limits",
                "storage.total_limit_size": "800M",
            }
        )
    else:
        ours = classes(landscape)
        for data, services in ours.items():
            rule = f"$service ^({'|'.join(services)})$ data.{data} false"
            filters.append(
                {"name": "rewrite_tag", "match": "lines.*", "rule": rule, "emitter_storage.type": "filesystem"}
            )
        outputs += [
            {
                "name": "es",
                "match": f"data.{data}",
                **_elasticsearch_bit(landscape, data),
            }
            for data in ours
        ]
        outputs.append({"name": "es", "match": "lines.*", **_elasticsearch_bit(landscape, OTHERS)})
    told = {"env": [{"name": "LOGS_PASSWORD", "uri": f"file://{PASSWORD}"}]} if store != "loki" else {}
    return write_document(
        {
            **told,
            "service": {
                "flush": 1,
                "log_level": "warn",
                "http_server": True,
                "http_listen": "0.0.0.0",  # noqa: S104 - inside its Pod; policies say who reaches it
                "http_port": 2020,
                "health_check": True,
                "storage.path": "/buffers/chunks",
                "storage.max_chunks_up": 64,
            },
            "parsers": [
                {"name": "place", "format": "regex", "regex": PLACE},
                {"name": "json", "format": "json"},
            ],
            "pipeline": {
                "inputs": [
                    {
                        "name": "tail",
                        "tag": "lines.*",
                        "path": f"{LINES}/*.log",
                        "exclude_path": f"{LINES}/fluent-bit-*_{COLLECTION}_*.log",
                        "path_key": "file",
                        "multiline.parser": "docker, cri",
                        "db": "/buffers/positions.db",
                        "read_from_head": True,
                        "skip_long_lines": True,
                        "refresh_interval": 5,
                        "mem_buf_limit": "32M",
                        "storage.type": "filesystem",
                    }
                ],
                "filters": filters,
                "outputs": outputs,
            },
        }
    )


def _elasticsearch_bit(landscape: Landscape, data: str) -> dict[str, Any]:
    return {
        "host": host("elasticsearch-es-http", OBSERVABILITY),
        "port": ELASTICSEARCH_PORT,
        "index": index(landscape, data),
        "write_operation": "create",
        "generate_id": True,
        "suppress_type_name": True,
        "time_key": "@timestamp",
        "http_user": WRITER,
        "http_passwd": "${LOGS_PASSWORD}",
        "tls": True,
        "tls.ca_file": "/certificates/ca.crt",
        "compress": "gzip",
        "retry_limit": "no_limits",
        "storage.total_limit_size": "400M",
    }


def fluentd(landscape: Landscape, site: Site, store: str) -> str:
    """Write the configuration of Fluentd."""
    where = "\n".join(f"    {name} {value}" for name, value in _where(landscape, site))
    send = _to_loki() if store == "loki" else _to_elasticsearch(landscape)
    kinds = "" if store == "loki" else f"\n    data ${{{_class_of(landscape)}}}"
    chunked = "tag" if store == "loki" else "data"
    return f"""\
<system>
  log_level warn
</system>
<source>
  @type monitor_agent
  bind 0.0.0.0
  port 24220
</source>
<source>
  @type tail
  tag lines
  path {LINES}/*.log
  exclude_path ["{LINES}/fluentd-*_{COLLECTION}_*.log"]
  path_key file
  pos_file /buffers/positions
  read_from_head true
  refresh_interval 5
  <parse>
    @type regexp
    expression /{CRI}/
    time_format %Y-%m-%dT%H:%M:%S.%N%:z
  </parse>
</source>
<filter lines>
  @type parser
  key_name file
  reserve_data true
  reserve_time true
  <parse>
    @type regexp
    expression /{PLACE}/
  </parse>
</filter>
<filter lines>
  @type parser
  key_name log
  reserve_data true
  reserve_time true
  remove_key_name_field true
  emit_invalid_record_to_error false
  <parse>
    @type json
  </parse>
</filter>
<filter lines>
  @type record_transformer
  enable_ruby {"false" if store == "loki" else "true"}
  remove_keys file,part
  <record>
{where}{kinds}
  </record>
</filter>
<match lines>
{send}
  <buffer {chunked}>
    @type file
    path /buffers/chunks
    flush_interval 1s
    flush_thread_count 2
    chunk_limit_size 4m
    total_limit_size 800m
    retry_forever true
    retry_max_interval 60s
    overflow_action block
  </buffer>
</match>
"""


def _to_loki() -> str:
    labels = "\n".join(f"    {name}" for name in ("system", "environment", "region", "namespace", "service", "level"))
    return f"""\
  @type loki
  url https://{host(LOGS["loki"], OBSERVABILITY)}:{LOKI_PORT}
  ca_cert /certificates/ca.crt
  line_format json
  drop_single_key true
  <label>
{labels}
  </label>"""


def _to_elasticsearch(landscape: Landscape) -> str:
    return f"""\
  @type elasticsearch
  host {host("elasticsearch-es-http", OBSERVABILITY)}
  port {ELASTICSEARCH_PORT}
  scheme https
  ca_file /certificates/ca.crt
  user {WRITER}
  password "#{{File.read('{PASSWORD}').strip}}"
  index_name {index(landscape, "${data}")}
  write_operation create
  include_timestamp true
  suppress_type_name true
  reconnect_on_error true
  reload_connections false
  request_timeout 30s"""


def _class_of(landscape: Landscape) -> str:
    """Look up the class of a line's service, in Ruby."""
    known = ", ".join(f"'{name}' => '{data}'" for data, names in classes(landscape).items() for name in names)
    return f"{{{known}}}.fetch(record['service'], '{OTHERS}')"


def _where(landscape: Landscape, site: Site) -> tuple[tuple[str, str], ...]:
    return (
        ("system", landscape.system.system),
        ("environment", site.environment),
        ("region", site.region),
    )


def _disks(configuration: str, folder: str, part: str, store: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    mounts: list[dict[str, Any]] = [
        {"name": "configuration", "mountPath": folder, "readOnly": True},
        {"name": "lines", "mountPath": "/var/log", "readOnly": True},
        {"name": "buffers", "mountPath": "/buffers"},
        {"name": "scratch", "mountPath": "/tmp"},  # noqa: S108 - the container's own
    ]
    volumes: list[dict[str, Any]] = [
        {"name": "configuration", "configMap": {"name": configuration}},
        {"name": "lines", "hostPath": {"path": "/var/log", "type": "Directory"}},
        {"name": "buffers", "emptyDir": {"sizeLimit": BUFFER}},
        {"name": "scratch", "emptyDir": {"sizeLimit": "64Mi"}},
    ]
    # Its own certificate comes with the authority's, which signed the store's too.
    authority = {"secretName": placing.keys_of(part), "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    mounts.append({"name": "certificates", "mountPath": "/certificates", "readOnly": True})
    volumes.append({"name": "certificates", "secret": authority})
    if store == "elasticsearch":
        mounts.append({"name": "password", "mountPath": "/password", "readOnly": True})
        volumes.append({"name": "password", "secret": {"secretName": WRITER}})
    return mounts, volumes
