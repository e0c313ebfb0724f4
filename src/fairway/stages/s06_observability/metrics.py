"""Every service tells at /metrics what it does, how well, and how full it is.

Alerts, dashboards, autoscaling and canary verdicts all read the same numbers. A service without them is judged by its
users' complaints. The path and the names are the same everywhere, so that nothing has to be set up per service.
"""

from collections.abc import Iterator

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.scraping import MISSPELT, SCRAPE, TELLS_ITSELF, Scraping, tells
from fairway.estate.workload import Workload


def check(estate: Estate) -> Iterator[Finding]:
    """Find data stores that tell nothing, and requests to be scraped that are misspelt.

    Whether a program of one's own tells metrics is in its code: that nothing scrapes it is another rule's finding. What
    a cache holds may be lost at any time, and those who ask it tell how they fare.
    """
    scraping = Scraping(estate)
    for workload in estate.workloads:
        wrong = next((key for key in MISSPELT if key in workload.pod_annotations), None)
        if wrong is not None:
            says = f"the annotation '{wrong}' is no word of Prometheus: nobody scrapes it."
            yield found(RULE.id, workload.pod_metadata.mapping("annotations"), wrong, says, f"Write '{SCRAPE}'.")
        elif not scraping.monitors_of(workload) and scraping.annotated(workload) is None:
            yield from _silent(estate, workload)


def _silent(estate: Estate, workload: Workload) -> Iterator[Finding]:
    store, services = estate.store_of(workload), estate.services_of(workload)
    if store is None or store.may_be_lost or store.engine in TELLS_ITSELF or tells(workload) or not services:
        return
    says = (
        f"{workload.resource.id} {store.evidence}, which tells Prometheus nothing by itself, and no exporter is there."
    )
    fix = "Add an exporter beside it, and a monitor that scrapes it."
    first = min(services, key=lambda one: (one.public, one.resource.name))
    yield found(RULE.id, first.resource.spec, "selector", says, fix, warning=bool(estate.unknown))


RULE = Rule(
    id="observability/metrics",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="metrics are scraped, and their names keep the conventions",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/orders/deployment.yaml",
            old="  template:\n    metadata:\n",
            new='  template:\n    metadata:\n      annotations:\n        prometheus.io.scrape: "true"\n',
        ),
    ),
)
