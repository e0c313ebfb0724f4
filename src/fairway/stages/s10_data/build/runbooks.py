"""Pages for people: how each store comes back, how another region takes over, which secrets stores need."""

import json
from collections.abc import Callable, Iterator
from typing import Final

from fairway.core import by_hand
from fairway.core.artefact import Page
from fairway.core.cluster import OBJECT_STORAGE
from fairway.core.facts import Engine
from fairway.core.profile import Landscape, StoreProfile
from fairway.core.wording import listed
from fairway.stages.s10_data.binding import DATABASES
from fairway.stages.s10_data.build import across_regions, mysql, places, restoring, taking_over
from fairway.stages.s10_data.decisions import backups, stores

FIRST: Final = """## First

1. Write down the moment to go back to, in UTC: just before what went wrong. MOMENT below is that, as {moment}.
2. If what went wrong may go on, stop who writes. Where Argo CD deploys, keep it from starting them again:

{stop}
"""


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write a page for each durable store and each service with disks, and one for regions."""
    used = [*(store for store in landscape.stores.values() if store.users), *stores.keyring(landscape)]
    for store in used:
        if store.durable:
            yield from _restore(landscape, store)
    for profile in landscape.services.values():
        for decided in backups.volumes(profile, landscape):
            disk = decided.subject.removeprefix("volume ")
            yield _disk(landscape, profile.name, disk, decided.answer)
    yield from taking_over.page(landscape, [store for store in used if store.durable])
    if used:
        yield _secrets(landscape, used)


def _restore(landscape: Landscape, store: StoreProfile) -> Iterator[Page]:
    engine = stores.engine(store, landscape).value
    kept = backups.backups(store, landscape)
    moment, text = HOW[engine](landscape, store)
    system, users = landscape.system.system, [landscape.services[user] for user in store.users]
    kubectl = f"kubectl -n {system}"
    stop = by_hand.indented([by_hand.hold(system), *by_hand.stop(kubectl, users)], 7)
    again = by_hand.indented([*by_hand.start(kubectl, users), by_hand.let_go(system)])
    page = f"""# Restore {store.name}

{store.name} is used by {", ".join(store.users)}. Backups are made {kept.answer}.

{FIRST.format(moment=moment, stop=stop)}
{text}
## Last

Start who was stopped again, by one replica each: autoscalers go on from there, and what has none gets its number by
the next sync, or by `kubectl apply -k` of the site's folder.

{again}

Events that were handled after MOMENT are not known any more: a consumer takes those again that its broker still has.
Write down how long it took, and the newest row that came back: these are the real RTO and RPO.
"""
    yield Page(path=f"runbooks/restore-{store.name}.md", text=page, rule="data/backups")
    if engine == "postgresql":
        script = restoring.postgresql(landscape, store)
        yield Page(path=f"restore/{store.name}.sh", text=script, rule="data/backups")


def _postgresql(landscape: Landscape, store: StoreProfile) -> tuple[str, str]:
    system, name = landscape.system.system, store.name
    text = f"""## See what was there, beside what runs

The script makes a cluster of its own, {name}-restored, from the archive; it changes nothing else.

    sh restore/{name}.sh 'MOMENT'
    kubectl -n {system} exec {name}-restored-1 -c postgres -- psql -d {name} -c 'select pg_last_xact_replay_timestamp()'

Look for the rows you miss. If a few are all you need, copy them over and remove the copy:

    kubectl -n {system} delete cluster.postgresql.cnpg.io/{name}-restored networkpolicy/restore-{name}-restored

## Go back as a whole

Everything after MOMENT is given up. The old disks stay: their class keeps them.

    kubectl -n {system} delete cluster.postgresql.cnpg.io {name}
    sh restore/{name}.sh 'MOMENT' REGION {name}

REGION is the one that takes writes. It archives on where it left off, on a timeline of its own.
{_copies_behind(landscape, store)}"""
    return "2027-01-31 12:00:00+00", text


def _copies_behind(landscape: Landscape, store: StoreProfile) -> str:
    """Say what becomes of copies in other regions: they have what was given up."""
    copied = stores.copies(store, landscape)
    if copied is None:
        return ""
    others = listed(copied.value.others)
    return (
        f"The copy in {others} has what was given up, and cannot follow any more:"
        " [begin it anew](data-in-another-region.md#a-region-begins-anew).\n"
    )


def _mysql(landscape: Landscape, store: StoreProfile) -> tuple[str, str]:
    system, name = landscape.system.system, store.name
    text = f"""## Go back

Choose the newest full backup before MOMENT; every change from there to MOMENT is replayed.

    kubectl -n {system} get pxc-backup
    kubectl -n {system} apply -f - <<EOF
    apiVersion: pxc.percona.com/v1
    kind: PerconaXtraDBClusterRestore
    metadata: {{name: {name}-restore}}
    spec:
      pxcCluster: {name}
      backupName: BACKUP
      pitr: {{type: date, date: "MOMENT", backupSource: {{storageName: backups}}}}
    EOF
    kubectl -n {system} get pxc-restore {name}-restore --watch

Everything after MOMENT is given up. The store is away until the state is Succeeded.
{_mysql_copy(landscape, store)}"""
    return "2027-01-31 12:00:00", text


def _mysql_copy(landscape: Landscape, store: StoreProfile) -> str:
    """Say how a copy in another region begins: from a backup of the region that it follows."""
    copied = stores.copies(store, landscape)
    if copied is None:
        return ""
    system, name, home = landscape.system.system, store.name, copied.value.home
    return f"""
## A copy in another region

A copy begins with a backup of {home}, once, and again when it cannot follow any more; then it follows by itself.
DESTINATION is what the first command prints, and what stands below it the place of {home}'s backups.

    kubectl --context {home} -n {system} get pxc-backup --sort-by=.metadata.creationTimestamp \\
      -o jsonpath='{{.items[-1:].status.destination}}'
    kubectl --context REGION -n {system} apply -f - <<EOF
    apiVersion: pxc.percona.com/v1
    kind: PerconaXtraDBClusterRestore
    metadata: {{name: {name}-begin}}
    spec:
      pxcCluster: {name}
      backupSource: {json.dumps(mysql.source(landscape, store))}
    EOF
    kubectl --context REGION -n {system} get pxc-restore {name}-begin --watch
"""


def _cassandra(landscape: Landscape, store: StoreProfile) -> tuple[str, str]:
    system, name = landscape.system.system, store.name
    text = f"""## Go back

Cassandra comes back to a snapshot, not to a moment: choose the newest one before MOMENT, in each region.

    kubectl -n {system} get medusabackup --sort-by=.metadata.creationTimestamp
    kubectl -n {system} apply -f - <<EOF
    apiVersion: medusa.k8ssandra.io/v1alpha1
    kind: MedusaRestoreJob
    metadata: {{name: {name}-restore}}
    spec: {{cassandraDatacenter: REGION, backup: BACKUP}}
    EOF
    kubectl -n {system} get medusarestorejob {name}-restore --watch

The datacenter is restarted; the store is away until the job has finished.
"""
    return "2027-01-31T12:00:00Z", text


def _dynamodb(landscape: Landscape, store: StoreProfile) -> tuple[str, str]:
    prefix = DATABASES["dynamodb"].format(namespace=landscape.system.system, name=store.name)
    text = f"""## See what was there, beside what runs

TABLE is one of `aws dynamodb list-tables --query "TableNames[?starts_with(@, '{prefix}')]"`.

    aws dynamodb restore-table-to-point-in-time --source-table-name TABLE --target-table-name TABLE-restored \\
      --restore-date-time MOMENT
    aws dynamodb wait table-exists --table-name TABLE-restored

Copy the items you miss back, and delete the restored table.

## Go back as a whole

A table cannot be renamed. Delete TABLE (take its deletion protection away first), restore TABLE-restored to TABLE the
same way, and start the chore that keeps tables as decided:

    kubectl -n {landscape.system.system} create job {store.name}-tables-now --from=cronjob/{store.name}-tables
"""
    return "2027-01-31T12:00:00Z", text


HOW: Final[dict[Engine, Callable[[Landscape, StoreProfile], tuple[str, str]]]] = {
    "postgresql": _postgresql,
    "mysql": _mysql,
    "cassandra": _cassandra,
    "dynamodb": _dynamodb,
}


def _disk(landscape: Landscape, service: str, disk: str, answer: str) -> Page:
    system = landscape.system.system
    schedule = f"{system}-{service}-{disk}"
    text = f"""# Restore the disk {disk} of {service}

Of it there is {answer}.
Where Argo CD deploys, the second command keeps it from starting replicas again, and the last lets it deploy.

    velero backup get --selector velero.io/schedule-name={schedule}
    {by_hand.hold(system)}
    kubectl -n {system} scale statefulset/{service} --replicas=0
    kubectl -n {system} delete persistentvolumeclaim -l app.kubernetes.io/name={service}
    velero restore create {service}-{disk}-restore --from-backup BACKUP --wait \\
      --include-resources persistentvolumeclaims,persistentvolumes
    kubectl apply -k SITE
    {by_hand.let_go(system)}

BACKUP is the newest good one of the first command's list, SITE the folder of environment and region. The old disks
stay until somebody deletes them: their class keeps them.
"""
    return Page(path=f"runbooks/restore-{service}-{disk}.md", text=text, rule="data/backups", service=service)


def _shared(landscape: Landscape, used: list[StoreProfile]) -> str:
    """Say how the authority is made that all regions share, where servers of a store talk across them."""
    if not any(store.facts.engine in across_regions.ENGINES and stores.copies(store, landscape) for store in used):
        return ""
    return f"""
`{across_regions.AUTHORITY}` holds `authority-certificate` and `authority-key`, the same in all regions, or their
servers would not trust each other. Make them once for each environment, put them into the manager and remove the files:

    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \\
      -subj "/CN={landscape.system.system} regions" \\
      -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \\
      -keyout authority.key -out authority.crt
"""


def _secrets(landscape: Landscape, used: list[StoreProfile]) -> Page:
    """List the entries of the secrets manager, so that none is guessed."""
    lines = ["| of | entry | what |", "|---|---|---|"]
    for store in used:
        engine = stores.engine(store, landscape).value
        if engine == "dynamodb":
            continue
        for user in store.users:
            lines.append(f"| {user} | {store.name}-user | the word `{user}` |")
            lines.append(f"| {user} | {store.name}-password | a password: 32 letters and digits |")
            if store.durable:
                lines.append(f"| {user} | {store.name}-migration-user | the word `{user}-migration` |")
                lines.append(f"| {user} | {store.name}-migration-password | another one |")
        if engine == "redis":
            lines.append(f"| store-{store.name} | operator-password | a password of the operator alone |")
        if engine == "mysql" and stores.copies(store, landscape) is not None:
            lines += [
                f"| store-{store.name} | {user}-password | a password of the operator's own user `{user}` |"
                for user in mysql.OWN_USERS
            ]
        if engine == "cassandra":
            lines.append(f"| store-{store.name} | operator-user | the word `operator` |")
            lines.append(f"| store-{store.name} | operator-password | a password of the operator alone |")
            lines.append(f"| store-{store.name} | keystore-password | a password |")
    table = "\n".join(lines)
    text = f"""# Secrets of the stores

The secrets manager holds these for each environment. Operators set the passwords in the stores, services read the
same entries: a new value is in both within 15 minutes, and a service that is refused meanwhile tries again.

{table}
{_shared(landscape, used)}
Where machines are of no cloud, `backups` also holds access-key-id and secret-access-key of the object storage, and
`disks` a key for each class of disks ({places.CLASS}). The object storage is the cluster's name
{OBJECT_STORAGE}: let it lead out of the cluster. On AWS the key of all disks is the alias
`alias/fairway-{landscape.system.system}-ENVIRONMENT`; Google and Azure encrypt with keys of their own.
"""
    return Page(path="runbooks/secrets-of-stores.md", text=text, rule="data/reliable-store")
