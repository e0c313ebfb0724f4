"""How a new version takes over: rolling updates, Argo Rollouts where customers would notice, and their runbook."""

# ruff: noqa: E501 - lines of a runbook, whose commands must stay on one line
from collections.abc import Iterator
from typing import Any, Final

from fairway.core.artefact import Manifest, Page
from fairway.core.cluster import ROLLOUTS
from fairway.core.decision import Decision
from fairway.core.parts import Deadline, Part, Partition, Release, Rolling
from fairway.core.profile import Landscape, Profile
from fairway.stages.s08_delivery.build.verdicts import LATEST, enough, health
from fairway.stages.s08_delivery.decisions.rollback import rollback
from fairway.stages.s08_delivery.decisions.rollout import Progressive, Step, progressive, rolling

PLUGIN: Final = "argoproj-labs/gatewayAPI"
PLUGIN_VERSION: Final = "v0.15.0"
PLUGIN_PLACE: Final = (
    "https://github.com/argoproj-labs/rollouts-plugin-trafficrouter-gatewayapi/releases/download/"
    f"{PLUGIN_VERSION}/gatewayapi-plugin-linux-amd64"
)


def parts(profile: Profile) -> Iterator[Part]:
    """Attach the rolling update and its deadline to every service, and the steps of a release where it has some."""
    moved, back, released = rolling(profile), rollback(profile), progressive(profile)
    yield Rolling(
        service=profile.name,
        rule=moved.rule,
        topic=moved.topic,
        surge=moved.value.max_surge,
        unavailable=moved.value.max_unavailable,
        ready_seconds=moved.value.min_ready_seconds,
        drain_seconds=moved.value.drain_seconds,
        grace_seconds=moved.value.grace_seconds,
    )
    yield Deadline(
        service=profile.name,
        rule=back.rule,
        topic=back.topic,
        seconds=back.value.deadline_seconds,
        versions_kept=back.value.versions_kept,
    )
    if released is None:
        return
    if not profile.released_in_steps:
        yield Partition(service=profile.name, rule=released.rule, topic=released.topic, first=1)
        return
    strategy, doors = _strategy(profile, released.value)
    yield Release(service=profile.name, rule=released.rule, topic=released.topic, strategy=strategy, doors=doors)


def _strategy(profile: Profile, released: Progressive) -> tuple[dict[str, Any], tuple[str, ...]]:
    if released.form == "blue-green":
        return {"blueGreen": _blue_green(profile, released)}, ("preview",)
    canary, doors = _shift(profile, released)
    surge = rolling(profile).value
    return {
        "canary": {
            "maxSurge": surge.max_surge,
            "maxUnavailable": surge.max_unavailable,
            **canary,
            "analysis": {"templates": [{"templateName": health(profile)}], "startingStep": 1, "args": [LATEST]},
            "steps": [one for step in released.steps for one in _step(profile, step)],
        }
    }, doors


def _step(profile: Profile, step: Step) -> Iterator[dict[str, Any]]:
    """Show the version to a share, watch it there, and go on only where it met enough to be judged."""
    yield {"setWeight": step.percent}
    yield {"pause": {"duration": f"{step.minutes}m"}}
    yield {"analysis": {"templates": [{"templateName": enough(profile)}], "args": [LATEST]}}


def _shift(profile: Profile, released: Progressive) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Say what moves the share, and which Services it needs for that."""
    split = {"stableService": profile.name, "canaryService": f"{profile.name}-canary"}
    match released.shift:
        case "istio":
            subsets = {"name": profile.name, "stableSubsetName": VERSIONS[0], "canarySubsetName": VERSIONS[1]}
            ways = {"name": profile.name, "routes": mesh_routes(profile)}
            return {"trafficRouting": {"istio": {"virtualService": ways, "destinationRule": subsets}}}, ()
        case "gateway-api":
            routes = {"namespace": profile.system.system, "httpRoutes": [{"name": name} for name in _http(profile)]}
            return {**split, "trafficRouting": {"plugins": {PLUGIN: routes}}}, ("canary",)
        case "ambassador":
            return {**split, "trafficRouting": {"ambassador": {"mappings": [profile.name]}}}, ("canary",)
    return {}, ()


VERSIONS: Final = ("stable", "canary")


def mesh_routes(profile: Profile) -> list[str]:
    """Name the routes of the mesh to a service, as the mesh's target does: one for each caller and each protocol."""
    spoken = [name for name, there in (("rest", profile.rest), ("grpc", profile.grpc)) if there]
    return [*(f"from-{caller}" for caller in profile.callers), *spoken]


def _http(profile: Profile) -> list[str]:
    """Name the public routes of a service: those that need no token are one of their own."""
    anonymous = profile.facts.anonymous_routes
    whole = "/**" in anonymous
    closed = whole or bool(profile.system.identity_providers)
    return [
        *([f"{profile.name}-open"] if anonymous and not whole else []),
        *([profile.name] if closed else []),
    ]


def _blue_green(profile: Profile, released: Progressive) -> dict[str, Any]:
    before = {"templates": [{"templateName": enough(profile)}], "args": [LATEST]}
    after = {"templates": [{"templateName": health(profile)}], "args": [LATEST]}
    return {
        "activeService": profile.name,
        "previewService": f"{profile.name}-preview",
        "autoPromotionEnabled": True,
        "scaleDownDelaySeconds": released.kept_minutes * 60,
        "prePromotionAnalysis": before,
        "postPromotionAnalysis": after,
    }


def plugin(landscape: Landscape) -> Iterator[Manifest]:
    """Tell Argo Rollouts' controller where its part for the Gateway API is, where a release needs it."""
    made = [released for p in landscape.services.values() if (released := progressive(p)) is not None]
    if not any(released.value.shift == "gateway-api" for released in made):
        return
    system = landscape.system.system
    yield Manifest(
        path="platform/configmap-argo-rollouts.yaml",
        rule=made[0].rule,
        topic="releases",
        object={
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": "argo-rollouts-config",
                "namespace": ROLLOUTS,
                "labels": {"app.kubernetes.io/part-of": system, "app.kubernetes.io/managed-by": "fairway"},
            },
            "data": {"trafficRouterPlugins": f"- name: {PLUGIN}\n  location: {PLUGIN_PLACE}\n"},
        },
    )


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write the runbook of each service that is released in steps."""
    for profile in landscape.services.values():
        released = progressive(profile)
        if released is not None:
            text = _runbook(landscape, profile, released)
            path = f"runbooks/release-{profile.name}.md"
            yield Page(path=path, text=text, rule=released.rule, service=profile.name)


def _runbook(landscape: Landscape, profile: Profile, released: Decision[Progressive]) -> str:
    name, namespace = profile.name, landscape.system.system
    if released.value.form == "partitioned":
        return f"""# Release {name}

{name} is stateful: {released.answer}. Its StatefulSet has a `partition`: replicas below that number keep their version.

1. Merge the new version. Kubernetes replaces the last replica, and no other.
2. `kubectl -n {namespace} get pods -l app.kubernetes.io/name={name} -L controller-revision-hash` tells who has which.
3. Look at its dashboard for the stated time. Where it is well, go on to half of the replicas, and then to 0:
   `kubectl -n {namespace} patch statefulset {name} -p '{{"spec":{{"updateStrategy":{{"rollingUpdate":{{"partition":0}}}}}}}}'`
   Argo CD leaves the number alone that you set here.
4. Where it is not: `kubectl -n {namespace} rollout undo statefulset/{name}`, and take the change back in Git.
"""
    steps = (
        "Test calls to Service "
        f"`{name}-preview` try the new set before anybody else meets it; without {'at least enough'} of them it waits."
        if released.value.form == "blue-green"
        else "; ".join(f"{step.percent} % for {step.minutes}m" for step in released.value.steps) + "; then all."
    )
    return f"""# Release {name}

{steps}

Prometheus judges the new version by itself (AnalysisTemplates `{health(profile)}` and `{enough(profile)}`). A bad one
goes back within minutes and nobody has to do anything but read why. These commands are of Argo Rollouts' plugin.

- Where is it? `kubectl argo rollouts -n {namespace} get rollout {name}`
- Why did it go back? `kubectl -n {namespace} get analysisruns --sort-by=.metadata.creationTimestamp`, and describe the last.
- It waits and is "Inconclusive": too few requests met the new version. Either wait for more and go on with
  `kubectl argo rollouts -n {namespace} retry rollout {name}`, or decide yourself:
  `kubectl argo rollouts -n {namespace} promote {name}`.
- Stop it now: `kubectl argo rollouts -n {namespace} abort {name}`.
- After a version went back, take the change back in Git (`git revert`); a known version returns without steps.
{_internal(profile, released.value)}"""


def _internal(profile: Profile, released: Progressive) -> str:
    if released.form == "canary" and released.shift in {"gateway-api", "ambassador"} and profile.called:
        return "\nOnly requests from outside are split. Services inside meet the new version when all do.\n"
    if released.form == "canary" and released.shift == "replicas":
        return "\nNothing before it knows weights: the share is that of the replicas, rounded up to a whole one.\n"
    return ""
