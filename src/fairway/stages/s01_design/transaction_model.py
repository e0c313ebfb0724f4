"""The consistency of a workflow that spans services is declared and decided.

No database transaction reaches across services, so something must say what happens when the third of five steps
fails. Where nobody decides it, every programmer decides it again, differently. Strong or eventual is a question to
the business, and everything else about the workflow follows from the answer.

Not in files: manifests do not tell which calls and events belong to one workflow, nor what happens when it fails.
"""

from fairway.core.conditions import WORKFLOW
from fairway.core.rule import Proof, Rule

RULE = Rule(
    id="design/transaction-model",
    applies=WORKFLOW,
    proof=Proof.STATIC,
)
