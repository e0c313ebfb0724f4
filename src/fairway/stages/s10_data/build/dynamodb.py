"""DynamoDB: the cloud runs it; tables are kept encrypted, restorable to a moment, and in every region.

A service's migrations make its tables, whose keys only its code knows. What the platform owes every table is put on
them by a chore; the one table that the SDK itself declares is an object.
"""

from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest, Site
from fairway.core.images import IMAGES
from fairway.core.profile import Landscape, StoreProfile
from fairway.stages.s10_data.binding import DATABASES
from fairway.stages.s10_data.build import places
from fairway.stages.s10_data.decisions import backups, stores

TOPIC: Final = "engine"
EVERY: Final = "17 * * * *"  # a table that is new is without a backup for an hour at most
INBOX: Final = "fairway-inbox"  # as the SDK calls the table of handled events
SCRIPT: Final = """\
set -eu
tables=$(aws dynamodb list-tables --query "TableNames[?starts_with(@, '$PREFIX')]" --output text)
for table in $tables; do
  aws dynamodb update-continuous-backups --table-name "$table" \\
    --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true > /dev/null
  protected=$(aws dynamodb describe-table --table-name "$table" --query Table.DeletionProtectionEnabled --output text)
  if [ "$protected" != True ]; then
    aws dynamodb update-table --table-name "$table" --deletion-protection-enabled > /dev/null
    aws dynamodb wait table-exists --table-name "$table"
  fi
  key=$(aws dynamodb describe-table --table-name "$table" --query Table.SSEDescription.SSEType --output text)
  if [ "$key" != KMS ]; then
    aws dynamodb update-table --table-name "$table" --sse-specification Enabled=true,SSEType=KMS > /dev/null
    aws dynamodb wait table-exists --table-name "$table"
  fi
  for region in $OTHERS; do
    there=$(aws dynamodb describe-table --table-name "$table" \\
      --query "length(Table.Replicas[?RegionName=='$region'] || \\`[]\\`)" --output text)
    if [ "$there" = 0 ]; then
      aws dynamodb update-table --table-name "$table" --replica-updates "Create={RegionName=$region}" > /dev/null
      break
    fi
  done
  echo "$table is kept as decided"
done
"""


def manifests(landscape: Landscape, site: Site, store: StoreProfile) -> Iterator[Manifest]:
    """Build what keeps the tables of one store, in the region that they are made in."""
    if places.home(landscape, site) != site.region:
        return
    kept, engine = backups.backups(store, landscape), stores.engine(store, landscape)
    prefix = DATABASES["dynamodb"].format(namespace=landscape.system.system, name=store.name)
    if any(landscape.services[user].facts.consumes for user in store.users):
        table = _inbox(landscape, site, store, prefix)
        yield places.manifest(engine.rule, TOPIC, store.name, f"table-{INBOX}", table)
    for name, obj in (
        ("serviceaccount", _account(landscape, store)),
        ("networkpolicy-tables", _policy(landscape, store)),
        ("configmap-tables", _told(landscape, site, store, prefix)),
        ("cronjob-tables", _chore(landscape, store)),
    ):
        yield places.manifest(kept.rule, kept.topic, store.name, name, obj)


def _others(landscape: Landscape, site: Site) -> list[str]:
    system = landscape.system
    spanned = places.regions(landscape, site)
    return [name for name in spanned if name != site.region and system.regions[name].cloud == "aws"]


def _inbox(landscape: Landscape, site: Site, store: StoreProfile, prefix: str) -> dict[str, Any]:
    whole = {"projectionType": "ALL"}
    queue = [{"attributeName": "queue", "keyType": "HASH"}, {"attributeName": "due_at", "keyType": "RANGE"}]
    others = _others(landscape, site)
    streamed = {"streamSpecification": {"streamEnabled": True, "streamViewType": "NEW_AND_OLD_IMAGES"}}
    replicas = {"tableReplicas": [{"regionName": name} for name in others], **streamed} if others else {}
    return {
        "apiVersion": "dynamodb.services.k8s.aws/v1alpha1",
        "kind": "Table",
        "metadata": places.described(landscape, store.name, f"{store.name}-{INBOX}", kept=True),
        "spec": {
            "tableName": f"{prefix}{INBOX}",
            "billingMode": "PAY_PER_REQUEST",
            "keySchema": [{"attributeName": "id", "keyType": "HASH"}],
            "attributeDefinitions": [
                {"attributeName": name, "attributeType": "N" if name == "due_at" else "S"}
                for name in ("id", "queue", "due_at", "alias")
            ],
            "globalSecondaryIndexes": [
                {"indexName": "queue", "keySchema": queue, "projection": whole},
                {
                    "indexName": "alias",
                    "keySchema": [{"attributeName": "alias", "keyType": "HASH"}],
                    "projection": whole,
                },
            ],
            "timeToLive": {"attributeName": "forget_at", "enabled": True},
            "continuousBackups": {"pointInTimeRecoveryEnabled": True},
            "sseSpecification": {"enabled": True, "sseType": "KMS"},
            "deletionProtectionEnabled": True,
            **replicas,
        },
    }


def _name(store: StoreProfile) -> str:
    return f"{store.name}-tables"


def _account(landscape: Landscape, store: StoreProfile) -> dict[str, Any]:
    """Give the chore an account, by which the cloud knows which role it has."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": places.described(landscape, store.name, _name(store)),
        "automountServiceAccountToken": False,
    }


def _labels(landscape: Landscape, store: StoreProfile) -> dict[str, str]:
    described = places.described(landscape, _name(store))
    labels: dict[str, str] = described["labels"]
    return {**labels, **places.outside_mesh(landscape)}


def _policy(landscape: Landscape, store: StoreProfile) -> dict[str, Any]:
    dns = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": places.described(landscape, store.name, _name(store)),
        "spec": {
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": _name(store)}},
            "policyTypes": ["Ingress", "Egress"],
            "egress": [{"ports": dns}, {"ports": [{"protocol": "TCP", "port": 443}]}],
        },
    }


def _told(landscape: Landscape, site: Site, store: StoreProfile, prefix: str) -> dict[str, Any]:
    data = {"AWS_REGION": site.region, "PREFIX": prefix, "OTHERS": " ".join(_others(landscape, site))}
    described = places.described(landscape, store.name, _name(store))
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": described, "data": data}


def _chore(landscape: Landscape, store: StoreProfile) -> dict[str, Any]:
    container = {
        "name": "tables",
        "image": IMAGES["aws-cli"],
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/sh", "-c"],
        "args": [SCRIPT],
        "env": [
            {"name": "AWS_PAGER", "value": ""},
            {"name": "HOME", "value": "/tmp"},  # noqa: S108 - the container's own, sized
            *(
                {"name": key, "valueFrom": {"configMapKeyRef": {"name": _name(store), "key": key}}}
                for key in ("AWS_REGION", "PREFIX", "OTHERS")
            ),
        ],
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}],  # noqa: S108 - likewise
    }
    nobody = {"runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532}
    pod = {
        "restartPolicy": "OnFailure",
        "serviceAccountName": _name(store),
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {**nobody, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "64Mi"}}],
    }
    labels = _labels(landscape, store)
    job = {
        "backoffLimit": 2,
        "activeDeadlineSeconds": 1800,
        "ttlSecondsAfterFinished": 86400,
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": places.described(landscape, _name(store)),
        "spec": {
            "schedule": EVERY,
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 900,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 3,
            "jobTemplate": {"spec": job},
        },
    }
