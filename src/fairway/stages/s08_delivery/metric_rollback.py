"""Metrics, not people, take back a bad version while it is shown to a few.

A person watching a graph is slow at noon and asleep at night. The same objectives that alerts use judge the new
version at every step. No data is no proof of health, so it stops the rollout and does not pass it.
"""

from collections.abc import Iterator

from fairway.core.conditions import CUSTOMER_FACING, RUNS_ON, STATELESS
from fairway.core.errors import did_you_mean
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.releases import in_steps
from fairway.estate.resource import Resource

GROUP = "argoproj.io"
JOBS = frozenset({"job", "kayenta", "web"})  # providers that judge by themselves, or whose answer may do so


def check(estate: Estate) -> Iterator[Finding]:
    """Find releases in steps that nothing judges, and verdicts that can only be good."""
    for rollout in estate.of_kind("Rollout", GROUP):
        if rollout in in_steps(estate):
            yield from _judged(estate, rollout)
    for kind in ("AnalysisTemplate", "ClusterAnalysisTemplate"):
        for template in estate.of_kind(kind, GROUP):
            yield from _fails(template)
    for canary in estate.of_kind("Canary", "flagger.app"):
        analysis = canary.spec.mapping("analysis")
        if not any(analysis.items("metrics")) and not any(analysis.items("webhooks")):
            says = "it goes on by the clock: no metric judges the new version."
            yield found(RULE.id, canary.spec, "analysis", says, "Name metrics with the range that is well.")


def _judged(estate: Estate, rollout: Resource) -> Iterator[Finding]:
    strategy = rollout.spec.mapping("strategy")
    form = "canary" if strategy.has("canary") else "blueGreen"
    analyses = list(_analyses(strategy.mapping(form)))
    waits = any(
        step.has("pause") and not step.mapping("pause").has("duration")
        for step in strategy.mapping(form).items("steps")
    )
    if not analyses:
        says = "a new version goes on whatever its metrics say: no analysis judges it."
        if waits:
            says = "a person alone judges a new version: no analysis does."
        yield found(RULE.id, strategy, form, says, "Name an AnalysisTemplate that reads its metrics.", warning=waits)
    for analysis in analyses:
        for named in analysis.items("templates"):
            yield from _there(estate, rollout, named)


def _analyses(way: Node) -> Iterator[Node]:
    places = [way.mapping(key) for key in ("analysis", "prePromotionAnalysis", "postPromotionAnalysis")]
    for step in way.items("steps"):
        places.append(step.mapping("analysis"))
        experiment = step.mapping("experiment")
        places += [experiment] if any(experiment.items("analyses")) else []  # it names each template there
    yield from (place for place in places if place)


def _there(estate: Estate, rollout: Resource, named: Node) -> Iterator[Finding]:
    name, everywhere = named.text("templateName"), named.flag("clusterScope")
    if not name or estate.unknown:
        return
    kind, namespace = ("ClusterAnalysisTemplate", "") if everywhere else ("AnalysisTemplate", rollout.namespace)
    known = [one for one in estate.of_kind(kind, GROUP) if everywhere or one.namespace == namespace]
    if name not in {one.name for one in known}:
        says = f"it is judged by {kind} '{name}', which is not there: the release stops with an error."
        fix = did_you_mean(name, [one.name for one in known]) or "Name one that is there, or add it."
        yield found(RULE.id, named, "templateName", says, fix)


def _fails(template: Resource) -> Iterator[Finding]:
    for metric in template.spec.items("metrics"):
        if JOBS & metric.keys("provider"):
            continue
        if not (metric.has("failureCondition") or metric.has("successCondition")):
            says = (
                f"metric '{metric.text('name')}' has neither a successCondition nor a failureCondition: it never fails."
            )
            yield found(RULE.id, metric, "failureCondition", says, "Say when it has failed.")


RULE = Rule(
    id="delivery/metric-rollback",
    applies=RUNS_ON & CUSTOMER_FACING & STATELESS,
    proof=Proof.DRILL,
    shows="a known-bad version goes back by itself: seconds, and requests that failed",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/orders/analysistemplate-health.yaml",
            old="  - name: slowness\n    interval: 1m\n    failureLimit: 0\n    consecutiveErrorLimit: 4\n"
            '    failureCondition: "len(result) > 0 && result[0] >= 2"\n',
            new="  - name: slowness\n    interval: 1m\n    failureLimit: 0\n    consecutiveErrorLimit: 4\n",
        ),
        Edit(
            path="production/eu-west-1/services/orders/rollout.yaml",
            old="- templateName: orders-health\n",
            new="- templateName: orders-healt\n",
        ),
    ),
)
