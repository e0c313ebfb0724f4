"""The check of policies of Kubernetes' audit log: they record who reads Secrets, and not what is in them."""

from pathlib import Path
from typing import Final

import pytest
from strangers import Thing, said

from fairway.stages.s07_security import data_protection

SECRETS: Final = {"resources": [{"group": "", "resources": ["secrets", "configmaps"]}]}
EVENTS: Final = {"resources": [{"group": "", "resources": ["events"]}]}


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([{"level": "RequestResponse"}], "error rules[0].level"),
        ([{"level": "Request"}], "error rules[0].level"),
        ([{"level": "RequestResponse", **SECRETS}], "error rules[0].level"),
        ([{"level": "RequestResponse", "resources": [{"group": ""}]}], "error rules[0].level"),
        ([{"level": "Request", "resources": [{"group": "apps"}, *SECRETS["resources"]]}], "error rules[0].level"),
        ([{"level": "Metadata", **SECRETS}, {"level": "RequestResponse"}], ""),
        ([{"level": "None", **EVENTS}, {"level": "Metadata"}], ""),
        ([{"level": "None", "users": ["system:kube-proxy"]}, {"level": "RequestResponse"}], "error rules[1].level"),
        ([{"level": "Request", "verbs": ["get", "list"], **SECRETS}, {"level": "Metadata"}], ""),
        ([{"level": "RequestResponse", "verbs": ["get"], **SECRETS}, {"level": "Metadata"}], "error rules[0].level"),
        ([{"level": "RequestResponse", "resources": [{"group": "apps"}]}, {"level": "Metadata"}], ""),
        ([{"level": "None", **SECRETS}, {"level": "RequestResponse"}], "warning rules[0].level"),
        ([{"level": "None", "nonResourceURLs": ["/healthz*"]}, {"level": "Metadata"}], ""),
        ([{"level": "Metadata", **EVENTS}], "warning rules"),
        ([{"level": "Metadata", "verbs": ["delete"], **SECRETS}, {"level": "None"}], "warning rules[1].level"),
        ([{"level": "Metadata", "namespaces": ["shop"], **SECRETS}, {"level": "None"}], ""),
    ],
)
def test_reading_a_secret_is_recorded_without_its_values(rules: list[Thing], expected: str, tmp_path: Path) -> None:
    """The first rule that fits decides, as for the API server; bodies of reads are in answers alone."""
    policy = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": rules}
    found = said(data_protection.RULE, tmp_path, policy)
    assert found == ([expected.replace(" ", " Policy/default/(no name) ")] if expected else [])


def test_policies_of_other_makers_are_left_alone(tmp_path: Path) -> None:
    """Several have a kind of this name."""
    policy = {"apiVersion": "kyverno.io/v1", "kind": "Policy", "metadata": {"name": "p"}, "spec": {"rules": []}}
    assert said(data_protection.RULE, tmp_path, policy) == []
