"""An event that arrives twice has the effect of one.

Brokers deliver at least once: after a crash, a time-out or a redrive the same event comes again. A handler that notes
what it has done, in the same transaction as the effect, can be retried without fear.
"""

import re
from collections.abc import Iterator
from typing import Final

from fairway.core.conditions import MESSAGING
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.repeats import repeats
from fairway.estate.told import told

IDEMPOTENCE: Final = re.compile(r"(?:\w+[_.])?enable[_.]idempotence", re.IGNORECASE)
IN_A_TEXT: Final = re.compile(r"^[ \t]*(?:[\w-]+\.)*enable\.idempotence\s*[=:]\s*[\"']?false\b", re.MULTILINE)


def check(estate: Estate) -> Iterator[Finding]:
    """Find what sends a thing twice without a word: retries of requests that act, producers told not to mind.

    Whether a handler notes what it has done is in its code. Retries of a VirtualService are another rule's.
    """
    for again in repeats(estate):
        says = f"{again.says}, also where the callee has acted before it failed: it may act twice."
        fix = (
            "Repeat only GET and the like, or only what failed before it was sent; else retry in the client, by a key."
        )
        yield found(RULE.id, again.node, again.key, says, fix, warning=not again.surely)
    yield from _producers(estate)


def _producers(estate: Estate) -> Iterator[Finding]:
    says = "the producer may write one event several times when it retries: the broker is told not to notice."
    fix = "Leave enable.idempotence on, with acks: all; handlers still note what they have done."
    seen: set[tuple[int, str]] = set()
    for workload in estate.workloads:
        for container in workload.containers:
            for one in told(estate, workload, container):
                where = (id(one.written.value), one.key)
                if IDEMPOTENCE.fullmatch(one.name) and one.value.strip().lower() == "false" and where not in seen:
                    seen.add(where)
                    yield found(RULE.id, one.written, one.key, says, fix, warning=True)
    for config in estate.of_kind("ConfigMap", ""):
        data = config.root.mapping("data")
        for key, text in data.value.items():
            if isinstance(text, str) and "enable.idempotence" in text and IN_A_TEXT.search(text):
                yield found(RULE.id, data, key, says, fix, warning=True)


RULE = Rule(
    id="resilience/idempotent-retries",
    applies=MESSAGING,
    proof=Proof.DRILL,
    shows="every event is delivered twice and out of order, and each has one effect",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/storefront/httproute.yaml",
            old="        value: /storefront\n",
            new="        value: /storefront\n    retry:\n      attempts: 2\n      codes: [500, 503]\n",
        ),
    ),
)
