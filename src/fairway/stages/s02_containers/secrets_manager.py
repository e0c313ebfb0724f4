"""Secrets needed at run time come from a secrets manager, mounted as files.

A secret that is written in a repository, even encoded, is known to everyone who ever had a copy. A manager knows
who may read which value, writes down who did, and can change it. Files are preferred to environment variables,
which are fixed when the process starts and turn up in crash reports and child processes.
"""

import base64
import binascii
from collections.abc import Iterator

from fairway.core.conditions import SECRETS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.core.wording import listed
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.references import references
from fairway.estate.resource import Resource
from fairway.estate.secret_values import entries_with_secrets, kept_elsewhere
from fairway.estate.workload import Workload

MADE_BY_CLUSTER = frozenset(
    {"kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token", "helm.sh/release.v1"}
)
PUBLIC = frozenset({"ca.crt", "tls.crt", "ca.pem", "cert.pem", "ca-bundle.crt", "username", "user"})
"""Keys that are no secret by themselves."""
RELOADED = "secret.reloader.stakater.com/reload"  # names the Secrets
RELOADED_ALL = ("reloader.stakater.com/auto", "secret.reloader.stakater.com/auto")
CONFIGURATION = (".cfg", ".cnf", ".conf", ".ini", ".json", ".properties", ".toml", ".xml", ".yaml", ".yml")
"""Ends of keys whose value is a file, which is no secret as a whole."""
ARGO = "argocd.argoproj.io/secret-type"  # Argo CD keeps addresses of repositories and clusters as Secrets
ARGO_PUBLIC = frozenset("enableLfs enableOCI insecure name noProxy project proxy server type url".split())  # noqa: SIM905 - words read better without quotes
ENCRYPTED = ("ENC[", "AgA", "vault:", "ref+")  # as SOPS, Sealed Secrets and the like leave it
PLACEHOLDERS = ("<", "${", "{{", "$(")


def check(estate: Estate) -> Iterator[Finding]:
    """Find Secrets whose values are written out, and secrets that reach containers as variables."""
    for resource in filter(estate.judges, estate.of_kind("Secret", "")):
        if written := _written(resource):
            names = listed(written[:3]) + (f" and {len(written) - 3} more" if len(written) > 3 else "")  # noqa: PLR2004
            says = f"the {'value' if len(written) == 1 else 'values'} of {names} {'is' if len(written) == 1 else 'are'}"
            says += " in the repository, for everybody who ever has a copy of it."
            fix = "Keep it in a secrets manager, and fetch it with an ExternalSecret. Change it: it is known."
            part = next(key for key in ("data", "stringData") if resource.root.mapping(key).has(written[0]))
            yield found(RULE.id, resource.root.mapping(part), written[0], says, fix)
    for workload in estate.workloads:
        # What ends starts anew with the new value; the agents of a node are others' programs, which read no files.
        if estate.judges(workload.resource) and not workload.runs_to_completion and workload.kind != "DaemonSet":
            yield from _variables(workload)


def _written(resource: Resource) -> list[str]:
    root = resource.root
    if root.text("type") in MADE_BY_CLUSTER or root.has("sops"):
        return []
    values = {name: _decoded(value) for name, value in root.pairs("data").items()} | root.pairs("stringData")
    public = PUBLIC | ARGO_PUBLIC if ARGO in resource.labels else PUBLIC
    return [name for name, value in values.items() if name not in public and _kept_here(name, value)]


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=False).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return value


def _kept_here(name: str, value: str) -> bool:
    text = value.strip()
    if not text or text.startswith((*ENCRYPTED, *PLACEHOLDERS)) or kept_elsewhere(text):
        return False
    return not name.endswith(CONFIGURATION) or entries_with_secrets(text)


def _variables(workload: Workload) -> Iterator[Finding]:
    """Find secrets in variables: one finding a workload, as one change mends all.

    Where a change replaces the replicas, the variable is never old, and what is left is no more than a preference.
    """
    taken = [
        one
        for one in references(workload)
        if one.kind == "Secret" and not one.mounted and "env" in one.node.path and not _replaced(workload, one.name)
    ]
    if taken:
        named = list(dict.fromkeys(one.name for one in taken))
        says = f"{listed(named)} {'reaches' if len(named) == 1 else 'reach'} containers as variables, which stay as "
        says += "they were at the start, and turn up in crash reports."
        fix = "Mount it as files, and read it again when they change; or have Reloader replace the replicas."
        yield found(RULE.id, taken[0].node, taken[0].key, says, fix, warning=True)


def _replaced(workload: Workload, secret: str) -> bool:
    """Tell whether a change of the Secret replaces the replicas, as Reloader does: then a variable is never old."""
    notes = workload.pod_annotations | workload.resource.annotations
    named = (name.strip() for name in notes.get(RELOADED, "").split(","))
    return secret in named or any(notes.get(name) == "true" for name in RELOADED_ALL)


RULE = Rule(
    id="containers/secrets-manager",
    applies=SECRETS,
    proof=Proof.DRILL,
    shows="a secret is rotated and the service uses the new value without a restart",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/orders/secret.yaml",
            new="apiVersion: v1\nkind: Secret\nmetadata:\n  name: ledger\n  namespace: bookshop\n"
            "stringData:\n  password: open-sesame\n",
        ),
        Edit(
            path="production/eu-west-1/services/orders/deployment.yaml",
            old="        startupProbe:\n",
            new="        env:\n        - name: LEDGER_PASSWORD\n          valueFrom:\n            secretKeyRef:\n"
            "              name: orders-secrets\n              key: orders-db-password\n        startupProbe:\n",
        ),
    ),
)
