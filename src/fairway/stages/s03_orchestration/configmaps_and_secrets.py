"""Configuration comes from a ConfigMap, sensitive values from a Secret.

The same version runs in every environment, so what differs between them stays out of the workload. A password in a
manifest is read by everybody who may read the repository, today and in its history.
"""

from collections.abc import Iterator

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Edit, Finding, Proof, Rule
from fairway.estate.container import Container
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.secret_values import literal_secret, secret_arguments, secret_in_file
from fairway.estate.settings import varies
from fairway.estate.workload import Workload

LONGEST_SETTING = 1000  # characters; more is a file, of which a name says nothing
LONGEST_FILE = 100_000


def check(estate: Estate) -> Iterator[Finding]:
    """Find variables with secrets or with values of one environment, and secrets in ConfigMaps."""
    secrets = frozenset(resource.name for resource in estate.of_kind("Secret", ""))
    for workload in filter(lambda one: estate.judges(one.resource), estate.workloads):
        for container in workload.every_container:
            yield from _variables(estate, workload, container, secrets)
            yield from _arguments(workload, container)
    for resource in filter(estate.judges, estate.of_kind("ConfigMap", "")):
        data = resource.root.mapping("data")
        for name, value in resource.root.pairs("data").items():
            setting = len(value) <= LONGEST_SETTING and "\n" not in value.strip()
            if why := literal_secret(name, value, secrets) if setting else secret_in_file(value[:LONGEST_FILE]):
                says = f"'{name}' is readable by everybody who may list ConfigMaps, and {why}."
                yield found(RULE.id, data, name, says, "Move it to a Secret, filled by a secrets manager.")


def _variables(estate: Estate, workload: Workload, container: Container, secrets: frozenset[str]) -> Iterator[Finding]:
    for variable in container.variables:
        if variable.value is None:
            continue
        written = f"{variable.name} of container '{container.name}' is written into the {workload.kind}"
        if why := literal_secret(variable.name, variable.value, secrets):
            fix = "Keep it in a Secret; mount that, or read it with valueFrom.secretKeyRef. Change it: it is known."
            yield found(RULE.id, variable.node, "value", f"{written}, and {why}.", fix)
        elif why := varies(estate, workload.namespace, variable.name, variable.value):
            fix = "Keep it in a ConfigMap, one for each environment, and read it with valueFrom.configMapKeyRef."
            yield found(RULE.id, variable.node, "value", f"{written}, and {why}.", fix)


def _arguments(workload: Workload, container: Container) -> Iterator[Finding]:
    """Find secrets on the command line, which whoever may list Pods or processes reads."""
    for key, words in (("command", container.command), ("args", container.arguments)):
        for flag, why in secret_arguments(words):
            says = (
                f"the value of {flag} of container '{container.name}' is written into the {workload.kind}, and {why}."
            )
            fix = f"Keep it in a Secret, read that into a variable, and write {flag} $(THE_VARIABLE). Change it: it is "
            yield found(RULE.id, container.node, key, says, f"{fix}known.")


RULE = Rule(
    id="orchestration/configmaps-and-secrets",
    applies=ALWAYS,
    proof=Proof.STATIC,
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/orders/deployment.yaml",
            old="        startupProbe:\n",
            new="        env:\n        - name: LEDGER_PASSWORD\n          value: open-sesame\n        startupProbe:\n",
        ),
        Edit(
            path="production/eu-west-1/services/orders/deployment.yaml",
            old="        startupProbe:\n",
            new="        env:\n        - name: LEDGER\n          value: https://l.example.com\n        startupProbe:\n",
        ),
    ),
)
