"""Every service has its own account, with no right it does not use.

A token that is mounted into a container is the first thing an intruder looks for. An account shared by several
services gives each the rights of all. Most services never speak to the Kubernetes API, and then need no token at all.
"""

from collections.abc import Iterator, Sequence

from fairway.core.conditions import ALWAYS
from fairway.core.rule import Edit, Finding, Place, Proof, Rule
from fairway.core.wording import listed
from fairway.estate.finding import found
from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.resource import Resource
from fairway.estate.workload import Workload

HOOK = "helm.sh/hook"
NAMED = 4  # of a list; whoever wants all sees them in the file
READS = frozenset({"get", "list", "watch"})
ANYBODY = frozenset({"system:authenticated", "system:unauthenticated", "system:serviceaccounts"})


def check(estate: Estate) -> Iterator[Finding]:
    """Find workloads under a shared account, tokens that nothing needs, and rights beyond all measure."""
    bound = _bound(estate)
    for workload in estate.workloads:
        if HOOK not in workload.resource.annotations and estate.judges(workload.resource):
            yield from _account(estate, workload, bound)
    people = {(kind, name) for kind, name, subjects in _bindings(estate) if not _programs(subjects)}
    programs = {(kind, name) for kind, name, subjects in _bindings(estate) if _programs(subjects)}
    for kind in ("Role", "ClusterRole"):
        for role in filter(estate.judges, estate.of_kind(kind, "rbac.authorization.k8s.io")):
            if (kind, role.name) not in people - programs:
                yield from _wildcards(role)
    everywhere = {role for kind, role, subjects in _bindings(estate, "ClusterRoleBinding") if _programs(subjects)}
    for role in filter(estate.judges, estate.of_kind("ClusterRole", "rbac.authorization.k8s.io")):
        if role.name in everywhere:
            yield from _reads_secrets(role)
    for kind in ("RoleBinding", "ClusterRoleBinding"):
        for binding in filter(estate.judges, estate.of_kind(kind, "rbac.authorization.k8s.io")):
            yield from _admin(binding)


def _account(estate: Estate, workload: Workload, bound: frozenset[tuple[str, str]]) -> Iterator[Finding]:
    pod = workload.pod
    name = pod.text("serviceAccountName") or pod.text("serviceAccount")
    if name in {"", "default"}:
        says = f"it runs under the default account of namespace {workload.namespace}, which it shares with others."
        fix = "Give it a ServiceAccount of its own, with automountServiceAccountToken: false."
        yield found(RULE.id, pod, "serviceAccountName", says, fix)
        return
    accounts = estate.find("ServiceAccount", workload.namespace, name, workload.resource)
    if pod.has("automountServiceAccountToken") or not accounts or (workload.namespace, name) in bound:
        return
    if not any(account.root.value.get("automountServiceAccountToken") is False for account in accounts):
        says = f"a token of account {name} is mounted into its containers, and no role is bound to it here."
        fix = "Set automountServiceAccountToken: false, on the account or the Pod."
        yield found(RULE.id, pod, "automountServiceAccountToken", says, fix, warning=True)


def _bindings(estate: Estate, *kinds: str) -> Iterator[tuple[str, str, tuple[Node, ...]]]:
    for kind in kinds or ("RoleBinding", "ClusterRoleBinding"):
        for binding in estate.of_kind(kind, "rbac.authorization.k8s.io"):
            role = binding.root.mapping("roleRef")
            yield role.text("kind"), role.text("name"), tuple(binding.root.items("subjects"))


def _programs(subjects: tuple[Node, ...]) -> bool:
    return not subjects or any(subject.text("kind") == "ServiceAccount" for subject in subjects)


def _bound(estate: Estate) -> frozenset[tuple[str, str]]:
    found_ = set()
    for kind in ("RoleBinding", "ClusterRoleBinding"):
        for binding in estate.of_kind(kind, "rbac.authorization.k8s.io"):
            for subject in binding.root.items("subjects"):
                if subject.text("kind") == "ServiceAccount":
                    found_.add((subject.text("namespace", binding.namespace), subject.text("name")))
    return frozenset(found_)


def _wildcards(role: Resource) -> Iterator[Finding]:
    for rule in role.root.items("rules"):
        verbs, resources = frozenset(rule.texts("verbs")), frozenset(rule.texts("resources"))
        groups = sorted(frozenset(rule.texts("apiGroups")))
        everything = "everything" if {"", "*"} & set(groups) else f"everything of {_few(groups)}"
        if "*" in verbs and resources:
            says = f"it may do everything with {everything if '*' in resources else _few(sorted(resources))}."
            yield found(RULE.id, rule, "verbs", says, "Name the verbs that are used.")
            return
        if "*" in resources:
            says = (
                f"it may {listed(sorted(verbs))} {everything}{', secrets too' if everything == 'everything' else ''}."
            )
            fix = "Name the resources that are used."
            yield found(RULE.id, rule, "resources", says, fix, warning=verbs <= READS)
            return


def _few(names: Sequence[str]) -> str:
    return listed(names if len(names) <= NAMED else [*names[: NAMED - 1], f"{len(names) - NAMED + 1} more"])


def _reads_secrets(role: Resource) -> Iterator[Finding]:
    """Find a role for the whole cluster that reads the secrets of everybody; operators may need to, few others do."""
    for rule in role.root.items("rules"):
        verbs, resources = frozenset(rule.texts("verbs")), frozenset(rule.texts("resources"))
        if "secrets" in resources and verbs & READS and "" in rule.texts("apiGroups") and not rule.has("resourceNames"):
            says = (
                f"it may {listed(sorted(verbs & READS))} every Secret of every namespace, and programs are bound to it."
            )
            fix = "Bind a Role in the namespaces that it needs, or name the Secrets under resourceNames."
            yield found(RULE.id, rule, "resources", says, fix, warning=True)
            return


def _admin(binding: Resource) -> Iterator[Finding]:
    if binding.root.mapping("roleRef").text("name") != "cluster-admin":
        return
    for subject in binding.root.items("subjects"):
        kind, name = subject.text("kind"), subject.text("name")
        if kind == "ServiceAccount" or (kind == "Group" and name in ANYBODY):
            says = f"{kind} {name} is cluster-admin: whoever breaks into it owns the cluster."
            yield found(RULE.id, subject, "name", says, "Bind a role with the rights that it uses.")


RULE = Rule(
    id="security/rbac",
    applies=ALWAYS,
    proof=Proof.LIVE,
    shows="what each account may do is exactly what was granted",
    places=(Place.CLUSTER,),
    check=check,
    breaks=(
        Edit(
            path="production/eu-west-1/services/orders/deployment.yaml",
            old="      serviceAccountName: orders\n",
            new="",
        ),
        Edit(
            path="production/eu-west-1/services/orders/role.yaml",
            new="apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: orders\n"
            '  namespace: bookshop\nrules:\n- apiGroups: [""]\n  resources: [secrets]\n  verbs: ["*"]\n',
        ),
    ),
)
