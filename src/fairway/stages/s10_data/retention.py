"""Personal and regulated data is kept as long as it must be and no longer, unless it is under legal hold.

What is kept without a reason can still be stolen, asked for and fined. What is deleted by hand is deleted unevenly,
and a deletion that knows no legal hold destroys what a court has asked to see. Logs, caches and queues count too.
"""

from collections.abc import Iterator

from fairway.core.conditions import PERSONAL_OR_REGULATED
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.periods import endless, unkept


def check(estate: Estate) -> Iterator[Finding]:
    """Find periods that are given and not kept, and logs, streams and backups that nothing ever deletes.

    Whose data it is stands in no file, so what is merely kept for ever is a warning; rows are deleted by code.
    """
    for one in unkept(estate):
        yield found(RULE.id, one.node, one.key, one.says, one.fix)
    for one in endless(estate):
        yield found(RULE.id, one.node, one.key, one.says, one.fix, warning=True)


RULE = Rule(
    id="data/retention",
    applies=PERSONAL_OR_REGULATED,
    proof=Proof.LIVE,
    shows="rows past their retention are gone, and those under legal hold are there",
    places=(Place.LOCAL,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/data/views/table-fairway-inbox.yaml",
            old="attributeName: forget_at\n    enabled: true",
            new="attributeName: forget_at\n    enabled: false",
        ),
    ),
)
