"""What holds between a workload and the pods it makes: selectors, strategies, restarts, schedules."""

from collections.abc import Iterator

from fairway.estate.fault import Fault, Place, called, quoted
from fairway.estate.schedules import schedule_fault
from fairway.estate.semantics.metadata import matches
from fairway.estate.semantics.nodes import Node, Rule, Rules, entries, labels, mapping, number, text
from fairway.estate.semantics.pods import mounted_volumes


def selected(node: Node, path: Place) -> Iterator[Fault]:
    """Check that a workload's selector picks the pods that its template makes."""
    selector, template = node.get("selector"), node.get("template")
    if not isinstance(selector, dict) or not isinstance(template, dict):
        return
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield Fault((*path, "selector"), "'selector' is empty.", "Write matchLabels as in the template's labels.")
        return
    given = labels(node, "template", "metadata", "labels")
    wanted = mapping(selector, "matchLabels")
    missed = [f"{key}: {value}" for key, value in wanted.items() if given.get(key) != value]
    if missed:
        says = f"The selector wants {', '.join(missed)}, which the template's labels have not."
        yield Fault((*path, "template", "metadata", "labels"), says, "Make them the same.")
    elif not matches(selector, given):
        says = "The selector's matchExpressions do not pick the template's labels."
        yield Fault((*path, "selector", "matchExpressions"), says, "Make them agree.")


def template_volumes(node: Node, path: Place) -> Iterator[Fault]:
    """Check the mounts of a template's containers against its volumes and a StatefulSet's claims."""
    claims = (text(mapping(claim, "metadata"), "name") for _, claim in entries(node, "volumeClaimTemplates"))
    pod = mapping(node, "template", "spec")
    known = frozenset(name for name in claims if name)
    yield from mounted_volumes(pod, (*path, "template", "spec"), claims=known)


def pod_volumes(node: Node, path: Place) -> Iterator[Fault]:
    """Check the mounts of a single pod's containers."""
    yield from mounted_volumes(mapping(node, "spec"), (*path, "spec"))


def always_restarted(node: Node, path: Place) -> Iterator[Fault]:
    """Check that pods that are to run for ever are restarted for ever."""
    pod, here = mapping(node, "template", "spec"), (*path, "template", "spec")
    policy = text(pod, "restartPolicy")
    if policy in {"OnFailure", "Never"}:
        says = f"'restartPolicy' is {policy}, and this kind restarts its pods always."
        yield Fault((*here, "restartPolicy"), says, "Remove it, or use a Job.")
    if pod.get("activeDeadlineSeconds") is not None:
        says = "'activeDeadlineSeconds' is given, and this kind keeps its pods running."
        yield Fault((*here, "activeDeadlineSeconds"), says, "Remove it, or use a Job.")


def ending(node: Node, path: Place) -> Iterator[Fault]:
    """Check that a Job's pods can come to an end."""
    here = (*path, "template", "spec", "restartPolicy")
    pod = node.get("template")
    policy = text(mapping(node, "template", "spec"), "restartPolicy")
    fix = "Write restartPolicy: OnFailure or Never."
    if policy == "Always":
        yield Fault(here, "'restartPolicy' of a Job's pods is Always, so the Job never ends.", fix)
    elif policy is None and isinstance(pod, dict):
        yield Fault(here[:-1], "The Job's pods have no 'restartPolicy', and its default Always is refused.", fix)
    if node.get("podFailurePolicy") is not None and policy == "OnFailure":
        yield Fault(here, "'podFailurePolicy' needs pods that are not restarted.", "Write restartPolicy: Never.")


def indexed(node: Node, path: Place) -> Iterator[Fault]:
    """Check that what counts by index has an index, and a number to count to."""
    by_index = node.get("completionMode") == "Indexed"
    if by_index and node.get("completions") is None:
        yield Fault(
            (*path, "completionMode"), "'completionMode' is Indexed, and there is no count.", "Add 'completions'."
        )
    for field in ("backoffLimitPerIndex", "maxFailedIndexes"):
        if node.get(field) is not None and not by_index:
            says = f"'{field}' is given, which only completionMode: Indexed heeds."
            yield Fault((*path, field), says, "Remove it, or write completionMode: Indexed.")


def rollout(node: Node, path: Place) -> Iterator[Fault]:
    """Check that a change of a Deployment can begin and can be seen to end."""
    strategy, here = mapping(node, "strategy"), (*path, "strategy")
    yield from _no_rolling(strategy, here, "Recreate")
    yield from _can_move(mapping(strategy, "rollingUpdate"), (*here, "rollingUpdate"))
    ready, deadline = number(node, "minReadySeconds") or 0, number(node, "progressDeadlineSeconds")
    if deadline is not None and ready >= deadline > 0:
        says = f"'progressDeadlineSeconds' ({deadline}) is not above 'minReadySeconds' ({ready})."
        yield Fault((*path, "progressDeadlineSeconds"), says, "Raise it.")


def daemon_rollout(node: Node, path: Place) -> Iterator[Fault]:
    """Check that a change of a DaemonSet can begin, and how."""
    strategy, here = mapping(node, "updateStrategy"), (*path, "updateStrategy")
    yield from _no_rolling(strategy, here, "OnDelete")
    rolling = mapping(strategy, "rollingUpdate")
    # Unlike a Deployment's, its surge is 0 and one pod may be unavailable, unless given.
    surges, yields = _moves(rolling.get("maxSurge", 0)), _moves(rolling.get("maxUnavailable", 1))
    if not surges and not yields:
        says = "'maxUnavailable' and 'maxSurge' are both 0, so no pod can be replaced."
        yield Fault((*here, "rollingUpdate"), says, "Raise one of them.")
    if surges and yields:
        says = "'maxSurge' and 'maxUnavailable' are both above 0, which a DaemonSet refuses."
        yield Fault((*here, "rollingUpdate"), says, "Write 0 for one of them.")


def stateful_rollout(node: Node, path: Place) -> Iterator[Fault]:
    """Check how a StatefulSet changes, and that its pods get names of their own."""
    yield from _no_rolling(mapping(node, "updateStrategy"), (*path, "updateStrategy"), "OnDelete")
    if text(node, "serviceName") is None:
        says = "The StatefulSet has no 'serviceName', so its pods get no DNS names."
        yield Fault(path, says, "Name its headless Service.", remark=True)


def _no_rolling(strategy: Node, path: Place, other: str) -> Iterator[Fault]:
    """Check that settings of a rolling update come with one."""
    if strategy.get("type") == other and strategy.get("rollingUpdate") is not None:
        says = f"{called(path)} is {other} and has 'rollingUpdate', which excludes it."
        yield Fault((*path, "rollingUpdate"), says, "Remove it.")


def _can_move(rolling: Node, path: Place) -> Iterator[Fault]:
    """Check that a rolling update may add or remove at least one pod."""
    surge, unavailable = rolling.get("maxSurge", "25%"), rolling.get("maxUnavailable", "25%")
    if not _moves(surge) and not _moves(unavailable):
        says = "'maxSurge' and 'maxUnavailable' are both 0, so no pod can be replaced."
        yield Fault(path, says, "Raise one of them.")


def _moves(share: object) -> bool:
    """Tell whether a count or percentage is above 0; what is malformed is reported elsewhere."""
    return share not in {0, "0", "0%"} if isinstance(share, int | str) else True


def schedule(node: Node, path: Place) -> Iterator[Fault]:
    """Check when a CronJob runs."""
    given = text(node, "schedule")
    why = schedule_fault(given) if given is not None else None
    if why is not None:
        yield Fault(
            (*path, "schedule"), f"'schedule' is {quoted(given)}, which {why}.", "Write, for example, '*/15 * * * *'."
        )
    if (zone := text(node, "timeZone")) is not None and zone.lower() == "local":
        yield Fault(
            (*path, "timeZone"), "'timeZone' is 'Local', which names no zone.", "Write, for example, 'Europe/Paris'."
        )


RUNNING: tuple[Rule, ...] = (selected, template_volumes, always_restarted)

RULES: Rules = {
    "apps.v1.DaemonSetSpec": (*RUNNING, daemon_rollout),
    "apps.v1.DeploymentSpec": (*RUNNING, rollout),
    "apps.v1.ReplicaSetSpec": RUNNING,
    "apps.v1.StatefulSetSpec": (*RUNNING, stateful_rollout),
    "batch.v1.CronJobSpec": (schedule,),
    "batch.v1.JobSpec": (selected, template_volumes, ending, indexed),
    "core.v1.Pod": (pod_volumes,),
    "core.v1.ReplicationControllerSpec": (template_volumes, always_restarted),
}
