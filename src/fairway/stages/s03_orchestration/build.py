"""What orchestration builds: the workload of each service, its settings, probes, autoscaler and disruption budget."""

from collections.abc import Iterator
from typing import Any

from fairway.core import programs
from fairway.core.artefact import KeyPath, Manifest, Page, Reason, Site
from fairway.core.cluster import SIGNED_ONLY
from fairway.core.decision import AnyDecision, Decision
from fairway.core.facts import seconds
from fairway.core.labels import CRITICALITY, CUSTOMER_FACING, SINGLE_REPLICA, metadata, selector
from fairway.core.levels import LONGEST_RUN, RUN_ENDED
from fairway.core.once import once
from fairway.core.operators import RELOADED
from fairway.core.parts import Part, Port, Probe, ProbeKind, Setting, Volume, Workload
from fairway.core.profile import Landscape, Profile
from fairway.stages.s03_orchestration import decisions
from fairway_sdk.contract import ADMIN_PORT, LIVE_PATH, READY_PATH, STARTED_PATH

SCALED = {  # what has the replicas, by whether a new version comes in steps
    False: {"apiVersion": "apps/v1", "kind": "Deployment"},
    True: {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"},
}


def parts(landscape: Landscape, site: Site) -> Iterator[Part]:
    """Attach to every service what orchestration knows of its workload on one site."""
    for profile in landscape.services.values():
        yield _workload(landscape, profile)
        yield from _probes(profile)
        yield from _settings(landscape, profile, site)


def manifests(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Build the objects that stand beside the workloads on one site."""
    del site
    yield from _everywhere(landscape)


@once
def _everywhere(landscape: Landscape) -> Iterator[Manifest]:
    yield _namespace(landscape)
    for profile in landscape.services.values():
        yield from _around(landscape, profile)


def pages(landscape: Landscape) -> Iterator[Page]:
    """Write a runbook for every service that is scaled by hand."""
    for profile in landscape.services.values():
        counted = decisions.replicas(profile)
        if counted is not None and profile.stateful:
            yield _scaling_runbook(landscape, profile, counted.value.least)


def _workload(landscape: Landscape, profile: Profile) -> Workload:
    kind, counted, size = decisions.kind(profile), decisions.replicas(profile), decisions.size(profile)
    spread = decisions.spread(profile)
    facts, system = profile.facts, landscape.system
    labels = {"app.kubernetes.io/version": str(system.version), CRITICALITY: facts.criticality}
    if facts.customer_facing:
        labels[CUSTOMER_FACING] = "true"
    alone = counted is not None and counted.value.least == 1
    return Workload(
        service=profile.name,
        rule=kind.rule,
        topic=kind.topic,
        kind=kind.value,
        replicas=counted.value.least if counted is not None and profile.stateful else None,
        requests=size.value.requests,
        limits=size.value.limits,
        apart=spread.value if spread is not None else None,
        schedule=facts.schedule,
        deadline_seconds=_longest(profile) if profile.runs_to_completion else None,
        volumes=tuple(
            Volume(
                name=name,
                size=volume.size,
                mount=mounts(profile)[name],
                shared=volume.access == "shared-read-only",
            )
            for name, volume in facts.volumes.items()
        ),
        labels=labels,
        notes=({SINGLE_REPLICA: f"its criticality is {facts.criticality}"} if alone else {}) | _reloaded(profile),
    )


def _longest(profile: Profile) -> int:
    """Give the seconds after which a run is ended: long after somebody was told that it takes too long."""
    return RUN_ENDED * int(seconds(LONGEST_RUN[profile.facts.criticality]))


def _reloaded(profile: Profile) -> dict[str, str]:
    """Have replicas replaced when a secret changes that they read at the start only, by Reloader."""
    if profile.runs_to_completion or not programs.told_by_secret(profile):
        return {}
    return {RELOADED: programs.urls(profile)}


def mounts(profile: Profile) -> dict[str, str]:
    """Tell where each disk of a service's own is found inside its container."""
    return {name: volume.mount or f"/var/lib/{name}" for name, volume in profile.facts.volumes.items()}


def _probes(profile: Profile) -> Iterator[Part]:
    watched = decisions.watch(profile)
    if watched is None:
        return
    run, port = profile.facts.run, "admin" if not profile.foreign else programs.probe_port(profile)
    if run is None:
        paths = (STARTED_PATH, LIVE_PATH, READY_PATH)
        yield Port(service=profile.name, rule=watched.rule, topic=watched.topic, name="admin", number=ADMIN_PORT)
    else:
        listening = programs.LISTENING_PATH if programs.behind_proxy(profile) else ""
        live = run.live or listening
        paths = (live, live, run.ready or listening)
    asked: tuple[tuple[ProbeKind, str, tuple[int, int, int] | None], ...] = (
        ("startup", paths[0], watched.value.startup),
        ("liveness", paths[1], watched.value.liveness),
        ("readiness", paths[2], watched.value.readiness),
    )
    for kind, path, timing in asked:
        if timing is not None:
            period, timeout, failures = timing
            yield Probe(
                service=profile.name,
                rule=watched.rule,
                topic=watched.topic,
                kind=kind,
                path=path,
                port=port,
                period_seconds=period,
                timeout_seconds=timeout,
                failures=failures,
            )


def _settings(landscape: Landscape, profile: Profile, site: Site) -> Iterator[Setting]:
    """Tell the service where it is and what differs there; addresses inside the system are the same everywhere."""
    if profile.foreign:
        return  # it is told by variables, of other names
    environment = landscape.system.environments[site.environment]
    settings = {"environment": site.environment, "region": site.region, "system": landscape.system.system}
    if environment.domain is not None and profile.exposed:
        settings["domain"] = environment.domain
    for name in profile.outside:
        outside = landscape.system.external_systems[name]
        settings[f"call.{name}"] = f"{outside.host}:{outside.port}"
    for name, value in settings.items():
        yield Setting(service=profile.name, rule="orchestration/configmaps-and-secrets", name=name, value=value)


def _namespace(landscape: Landscape) -> Manifest:
    name = landscape.system.system
    restricted = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    labels = {"app.kubernetes.io/part-of": name, "app.kubernetes.io/managed-by": "fairway", **restricted}
    labels[SIGNED_ONLY] = "true"
    signed = Reason(rule="security/image-scan", topic="unsigned images")
    reasons: dict[KeyPath, Reason] = {("metadata", "labels", SIGNED_ONLY): signed}
    if landscape.mesh:
        labels["istio-injection"] = "enabled"
        reasons["metadata", "labels", "istio-injection"] = Reason(rule="routing/mesh", topic="mesh")
    return Manifest(
        path="platform/namespace.yaml",
        rule="orchestration/configmaps-and-secrets",
        reasons=reasons,
        object={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}},
    )


def _around(landscape: Landscape, profile: Profile) -> Iterator[Manifest]:
    counted, budget = decisions.replicas(profile), decisions.disruption(profile)
    for name, volume in profile.facts.volumes.items():
        shared = volume.access == "shared-read-only"
        if shared or profile.runs_to_completion:
            yield _claim(landscape, profile, name, volume.size, shared=shared)
    if counted is None or budget is None:
        return
    yield _object(
        landscape,
        profile,
        budget,
        "policy/v1/PodDisruptionBudget",
        {
            "maxUnavailable": int(budget.value) if budget.value.isdigit() else budget.value,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": selector(landscape.system.system, profile.name)},
        },
    )
    if profile.stateful:
        yield _headless(landscape, profile)
    else:
        yield _autoscaler(landscape, profile, counted)


def _autoscaler(landscape: Landscape, profile: Profile, counted: Decision[decisions.Replicas]) -> Manifest:
    return _object(
        landscape,
        profile,
        counted,
        "autoscaling/v2/HorizontalPodAutoscaler",
        {
            "scaleTargetRef": {**SCALED[profile.released_in_steps], "name": profile.name},
            "minReplicas": counted.value.least,
            "maxReplicas": counted.value.most,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "target": {"type": "Utilization", "averageUtilization": decisions.CPU_TARGET},
                    },
                }
            ],
            "behavior": {
                "scaleUp": {
                    "stabilizationWindowSeconds": 0,
                    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 30}],
                },
                "scaleDown": {
                    "stabilizationWindowSeconds": 300,
                    "policies": [{"type": "Percent", "value": 25, "periodSeconds": 60}],
                },
            },
        },
    )


def _headless(landscape: Landscape, profile: Profile) -> Manifest:
    """Give each replica of a StatefulSet a name of its own."""
    name = f"{profile.name}-replicas"
    ports: list[dict[str, Any]] = [{"name": "admin", "port": ADMIN_PORT, "targetPort": "admin"}]
    if profile.foreign:
        side = {"rest": "http", "grpc": "grpc"}[programs.side(profile)]
        ports = [{"name": side, "port": programs.service_port(profile), "targetPort": side}] if profile.serving else []
    return Manifest(
        path=f"services/{profile.name}/service-replicas.yaml",
        service=profile.name,
        rule="orchestration/statefulset",
        object={
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata(landscape.system.system, profile.name, name=name),
            "spec": {
                "clusterIP": "None",
                "publishNotReadyAddresses": True,
                "selector": selector(landscape.system.system, profile.name),
                **({"ports": ports} if ports else {}),
            },
        },
    )


def _claim(landscape: Landscape, profile: Profile, volume: str, size: str, *, shared: bool) -> Manifest:
    name = f"{profile.name}-{volume}"
    mode = "ReadOnlyMany" if shared else "ReadWriteOnce"
    return Manifest(
        path=f"services/{profile.name}/persistentvolumeclaim-{volume}.yaml",
        service=profile.name,
        rule=decisions.kind(profile).rule,
        object={
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": metadata(landscape.system.system, profile.name, name=name),
            "spec": {"accessModes": [mode], "resources": {"requests": {"storage": size}}},
        },
    )


def _object(
    landscape: Landscape, profile: Profile, decision: AnyDecision, api_kind: str, spec: dict[str, Any]
) -> Manifest:
    api, _, kind = api_kind.rpartition("/")
    described = metadata(landscape.system.system, profile.name)
    return Manifest(
        path=f"services/{profile.name}/{kind.lower()}.yaml",
        service=profile.name,
        rule=decision.rule,
        topic=decision.topic,
        object={"apiVersion": api, "kind": kind, "metadata": described, "spec": spec},
    )


def _scaling_runbook(landscape: Landscape, profile: Profile, least: int) -> Page:
    name, namespace = profile.name, landscape.system.system
    kept = ", ".join(profile.facts.volumes)
    text = f"""# Scale {name} by hand

{name} keeps {kept} on its own disks, so nothing scales it by itself. {least} replicas run.

## Out

1. Raise `traffic` of {name} in fairway.yaml, so that `fairway plan` asks for more replicas; run `fairway build`.
2. `kubectl -n {namespace} rollout status statefulset/{name}` until every replica is ready.
3. Read something that was written before, through each replica: `{name}-0.{name}-replicas`, `{name}-1...`.

## In

1. Move what the last replica keeps to the others; its disk stays when it goes (`whenScaled: Retain`).
2. Lower `traffic`, build and apply. Replicas leave from the highest number down, one at a time.
3. Check that nothing acknowledged is missing before its disk is deleted by hand.

Practise both under load before it is needed, and write down what was measured.
"""
    return Page(path=f"runbooks/scale-{name}.md", text=text, rule="orchestration/manual-scaling", service=name)
