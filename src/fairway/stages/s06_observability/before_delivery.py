"""Observability of a mission-critical service is complete before a new version takes traffic.

What rolls a bad version back reads metrics. If they come after the version, the first fault is judged by nobody.
Collectors, monitors, rules and dashboards are applied and accepted first.
"""

from collections.abc import Iterator
from typing import Final

from fairway.core.conditions import MISSION_CRITICAL
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.core.wording import listed
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.rules_of_prometheus import rules, unrecorded


def check(estate: Estate) -> Iterator[Finding]:
    """Find verdicts on new versions that read what no rule records; of other metrics, files cannot tell."""
    recorded = rules(estate.resources).recorded
    if estate.unknown:
        return
    for query, key in _queries(estate):
        if missing := unrecorded(query.text(key), recorded):
            says = f"the verdict on a new version reads {listed(missing)}, which no rule records: it is never reached."
            yield found(RULE.id, query, key, says, "Record it by a rule that is applied before.")


def _queries(estate: Estate) -> Iterator[tuple[Node, str]]:
    for kind in ("AnalysisTemplate", "ClusterAnalysisTemplate"):
        for resource in estate.of_kind(kind, "argoproj.io"):
            for metric in resource.spec.items("metrics"):
                yield metric.mapping("provider").mapping("prometheus"), "query"
    for resource in estate.of_kind("MetricTemplate", "flagger.app"):
        yield resource.spec, "query"


VERDICT: Final = """\
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata:
  name: orders-pace
  namespace: bookshop
spec:
  metrics:
    - name: pace
      interval: 1m
      count: 5
      failureLimit: 1
      successCondition: len(result) > 0 && result[0] < 1
      provider:
        prometheus:
          address: http://prometheus.observability.svc.cluster.local:9090
          query: service:pace:rate5m{service="orders"}
"""

RULE = Rule(
    id="observability/before-delivery",
    applies=MISSION_CRITICAL,
    proof=Proof.LIVE,
    shows="monitors, rules and dashboards were ready before the new version took traffic",
    places=(Place.LOCAL, Place.CLUSTER),
    check=check,
    breaks=(Edit(path="production/eu-west-1/services/orders/analysistemplate-pace.yaml", new=VERDICT),),
)
