"""Data that must last survives the loss of its region, by a copy elsewhere or by a backup.

Everything else in a region can be built again from its description; data cannot. Copies bring it back soonest,
backups bring it back from mistakes, and what has neither is gone with the building.
"""

from collections.abc import Iterator

from fairway.core.conditions import PERSISTENT
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.core.wording import listed
from fairway.estate.copies import copies_beside
from fairway.estate.finding import found
from fairway.estate.index import Estate


def check(estate: Estate) -> Iterator[Finding]:
    """Find databases of which every copy goes to the cluster that they run in.

    A database without any copy is reported by data/backups, and how far away a bucket is stands in no file.
    """
    for beside, names in copies_beside(estate):
        says = f"copies of {listed(names)} go to {beside.where}: what ends the cluster ends them too."
        fix = "Send them to another region, by a bucket there or by copying what is here once more."
        yield found(RULE.id, beside.node, beside.key, says, fix, warning=beside.arguable or bool(estate.unknown))


RULE = Rule(
    id="recovery/replicated-or-backed-up",
    applies=PERSISTENT,
    proof=Proof.DRILL,
    shows="the store is destroyed, and its data is back from the copy or the backup",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="staging/eu-west-1/data/orders-db/objectstore-eu-west-1.yaml",
            old="    destinationPath: s3://bookshop-staging-backups-of-eu-west-1\n",
            new="    destinationPath: s3://bookshop-staging-backups-of-eu-west-1\n"
            "    endpointURL: https://loki.observability.svc.cluster.local:3100\n",
        ),
    ),
)
