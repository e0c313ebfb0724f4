"""Data that must last is encrypted where it lies.

Disks are replaced, snapshots are copied and backups travel. Whoever comes by one of them without the key has
nothing; and a person's data is gone for good, from every copy, once that person's key is.
"""

from collections.abc import Iterator
from typing import Final

from fairway.core.conditions import PERSISTENT
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.databases import Database, claims_of, databases, keepers
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.resource import Resource

DEFAULT: Final = "storageclass.kubernetes.io/is-default-class"
ASKED: Final = {  # drivers that encrypt only when they are asked, and the parameter that asks
    "ebs.csi.aws.com": "encrypted",
    "kubernetes.io/aws-ebs": "encrypted",
    "driver.longhorn.io": "encrypted",
    "rbd.csi.ceph.com": "encrypted",
    "rook-ceph.rbd.csi.ceph.com": "encrypted",
}
BARE: Final = {"hostPath": "a directory of a machine", "local": "a disk of a machine", "nfs": "a share of a server"}
NEVER: Final = ("hostpath", "local-path", "no-provisioner", "nfs")


def check(estate: Estate) -> Iterator[Finding]:
    """Find databases on the machine's own disk, and classes of disks that encrypt nothing and are used for data.

    A class that is not in the files may encrypt or not; nothing is said of it.
    """
    used: dict[Resource, str] = {}
    for database in databases(estate):
        if database.workload is not None and not _lasting(estate, database):
            kept = next((v for v in database.workload.volumes if not v.persistent and v.source == "emptyDir"), None)
            where = "in a directory of the machine" if kept is not None else "in its container"
            says = f"{database.says} and keeps its data {where}, on no disk of its own: no class encrypts it."
            fix = "Give it a claim whose class encrypts, or use an operator that does."
            node, key = (kept.node, "emptyDir") if kept is not None else (database.resource.root, "spec")
            yield found(RULE.id, node, key, says, fix)
        for node, key in claims_of(database):
            _use(estate, used, database.resource, node.text(key))
        yield from _claimed(estate, used, database)
    for workload in keepers(estate):
        for claim in workload.resource.spec.items("volumeClaimTemplates"):
            _use(estate, used, workload.resource, claim.mapping("spec").text("storageClassName"))
    for one, user in used.items():
        if why := _open(one):
            says = f"disks of class {one.name} are not encrypted ({why}), and {user} keeps its data on one."
            fix = "Set parameters.encrypted: 'true' and name a key, or use a class that encrypts."
            yield found(RULE.id, one.root, "parameters" if one.root.has("parameters") else "provisioner", says, fix)


def _lasting(estate: Estate, database: Database) -> bool:
    workload = database.workload
    assert workload is not None
    claimed = any(v.persistent and v.source != "hostPath" for v in workload.volumes)
    return bool(workload.claim_templates or claimed or estate.written_claims(workload))


def _claimed(estate: Estate, used: dict[Resource, str], database: Database) -> Iterator[Finding]:
    """Follow the claims that a workload mounts to their class, or to a volume that is made by hand of a directory."""
    workload = database.workload
    for volume in workload.volumes if workload is not None else ():
        for claim in estate.find("PersistentVolumeClaim", database.resource.namespace, volume.claim, database.resource):
            name = claim.spec.text("storageClassName")
            _use(estate, used, database.resource, name)
            for one in estate.of_kind("PersistentVolume", ""):
                bound = one.name == claim.spec.text("volumeName") or (
                    name and one.spec.text("storageClassName") == name
                )
                plain = next((source for source in BARE if one.spec.has(source)), None)
                if bound and plain and estate.visible(one, database.resource):
                    says = (
                        f"{database.says} and keeps its data on PersistentVolume {one.name}, which is {BARE[plain]}: "
                    )
                    fix = "Use a class of disks that encrypts."
                    yield found(RULE.id, volume.node, volume.source, f"{says}nothing here encrypts it.", fix)
                    return


def _use(estate: Estate, used: dict[Resource, str], user: Resource, name: str) -> None:
    """Note whose data is on a class; without a name it is the default one."""
    for one in estate.of_kind("StorageClass", "storage.k8s.io"):
        meant = one.name == name if name else one.annotations.get(DEFAULT) == "true"
        if meant and estate.visible(one, user):
            used.setdefault(one, f"{user.kind} {user.name}")


def _open(one: Resource) -> str:
    """Say why a class encrypts nothing; empty where it does, or where nobody knows."""
    provisioner = one.root.text("provisioner")
    asked = ASKED.get(provisioner)
    if asked:
        value = one.root.pairs("parameters").get(asked, "")
        return "" if value.lower() == "true" else f"'{asked}' is {value or 'not given'}"
    if any(word in provisioner for word in NEVER):
        return f"{provisioner} writes as it is told"
    return ""


RULE = Rule(
    id="data/encryption-at-rest",
    applies=PERSISTENT,
    proof=Proof.LIVE,
    shows="the store's files are searched for values that were planted in it, and none is found",
    places=(Place.LOCAL, Place.CLUSTER),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/data/storageclass-fairway-encrypted.yaml",
            old='encrypted: "true"',
            new='encrypted: "false"',
        ),
    ),
)
