"""Each region has its own identity, configuration and observability, and serves without the others.

A second region that asks the first one who may log in goes down together with it. Whatever a request needs has to be
inside the region that answers it; the regions exchange copies, and never questions.
"""

from collections.abc import Iterator
from typing import Final

from fairway.core.conditions import SEVERAL_REGIONS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate

ELSEWHERE: Final = (".svc.clusterset.local", ".svc.clusterset.local.")


def check(estate: Estate) -> Iterator[Finding]:
    """Find names of this cluster that stand for Services of whichever cluster has them.

    Calls that code makes to another region by its own address are seen only while the regions are cut off.
    """
    for one in estate.of_kind("Service", ""):
        name = one.spec.text("externalName")
        if one in estate.own and name.endswith(ELSEWHERE):
            says = f"it stands for {name}, which may be in another region: callers here wait for that one."
            fix = "Run it in each region, and lead to the one beside the caller; exchange data, not questions."
            yield found(RULE.id, one.spec, "externalName", says, fix, warning=True)


RULE = Rule(
    id="recovery/autonomous-regions",
    applies=SEVERAL_REGIONS,
    proof=Proof.DRILL,
    shows="regions are cut off from one another, and each goes on serving",
    places=(Place.LOCAL,),
    once=True,
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/platform/service-far.yaml",
            new="apiVersion: v1\nkind: Service\nmetadata:\n  name: far\n  namespace: bookshop\nspec:\n"
            "  type: ExternalName\n  externalName: orders.bookshop.svc.clusterset.local\n",
        ),
    ),
)
