"""An estate: all objects that were read, and who refers to whom. Rules ask it; none follows a reference itself."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from fairway.core.errors import Problem
from fairway.estate.autoscaler import Autoscaler, autoscaler, is_autoscaler
from fairway.estate.container import Container
from fairway.estate.dockerfile import Dockerfile
from fairway.estate.pipelines import Pipeline
from fairway.estate.resource import Resource
from fairway.estate.routes import backends
from fairway.estate.scopes import Scopes
from fairway.estate.selectors import LabelIndex, Selector, label_selector
from fairway.estate.service import Service, service
from fairway.estate.stores import Store, store_in
from fairway.estate.unknown import Counts, Unknown
from fairway.estate.workload import Volume, Workload, is_workload, workload

if TYPE_CHECKING:
    from fairway.estate.calling import Calling
    from fairway.estate.composed import Tool
    from fairway.estate.front import Front

One = TypeVar("One")
Other = TypeVar("Other")


class Estate:
    """Everything that was read. Relations are worked out once, when first asked for, each in linear time.

    Two objects are related only where their files belong together (see scopes).
    """

    def __init__(  # noqa: PLR0913 - all that reading gives
        self,
        *,
        resources: tuple[Resource, ...],
        unreadable: frozenset[Problem],
        malformed: set[Problem],
        unknown: tuple[Unknown, ...],
        counts: Counts,
        stable: Mapping[str, str],
        name: str = "",
        tool: "Tool" = "Kustomize",
        context: frozenset[str] = frozenset(),
        dockerfiles: tuple[Dockerfile, ...] = (),
        pipelines: tuple[Pipeline, ...] = (),
    ) -> None:
        """Take what was read. *stable* gives each file's name that is the same on every machine.

        *name* is that of a composition, made by the *tool*. What stands in the *context*'s files is only seen, and
        judged elsewhere.
        """
        self.resources = resources
        self._unreadable = unreadable
        self._malformed = malformed  # grows while objects are looked into
        self.unknown = unknown
        self.counts = counts
        self.stable = stable
        self.name = name
        self.tool = tool
        self.context = context
        self.dockerfiles = dockerfiles
        self.pipelines = pipelines
        self._by_kind: dict[str, list[Resource]] = {}
        self._by_name: dict[tuple[str, str, str], list[Resource]] = {}
        for resource in resources:
            self._by_kind.setdefault(resource.kind, []).append(resource)
            if resource.core:
                self._by_name.setdefault((resource.kind, resource.namespace, resource.name), []).append(resource)
        self._scopes = Scopes((item.id, item.file) for item in resources if item.name and is_workload(item))

    @cached_property
    def own(self) -> tuple[Resource, ...]:
        """Give the objects that are judged here."""
        return tuple(item for item in self.resources if self.judges(item))

    @property
    def alternatives(self) -> int:
        """Count the workloads that more than one place defines."""
        return self._scopes.shared

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Give all that is wrong with the files, as far as they have been looked into.

        A line that does not read well is said to be so, and not what follows from it.
        """
        lines = {(problem.file, problem.line) for problem in self._unreadable}
        malformed = (problem for problem in self._malformed if (problem.file, problem.line) not in lines)
        return tuple(sorted(self._unreadable.union(malformed)))

    def of_kind(self, kind: str, *groups: str) -> tuple[Resource, ...]:
        """Give the objects of a kind, of these API groups where any are named."""
        found = self._by_kind.get(kind, ())
        return tuple(resource for resource in found if not groups or resource.group in groups)

    def judges(self, resource: Resource) -> bool:
        """Tell whether an object is judged here, and not only seen: where many systems stand around, most are not."""
        return resource.file not in self.context

    def find(self, kind: str, namespace: str, name: str, seen_from: Resource) -> tuple[Resource, ...]:
        """Find what a reference means: mostly one object, several where alternatives define it, or none."""
        return self._seen(self._by_name.get((kind, namespace, name), ()), seen_from)

    def visible(self, one: Resource, other: Resource) -> bool:
        """Tell whether what *one* says counts for *other*: alternatives do not see each other."""
        return self._scopes.visible(one.file, other.file)

    def _seen(self, resources: Iterable[Resource], seen_from: Resource) -> tuple[Resource, ...]:
        return tuple(resource for resource in resources if self._scopes.visible(resource.file, seen_from.file))

    # Workloads

    @cached_property
    def _read_workloads(self) -> tuple[Workload, ...]:
        return tuple(workload(resource, self._lender) for resource in self.resources if is_workload(resource))

    def _lender(self, rollout: Resource) -> Resource | None:
        reference = rollout.spec.mapping("workloadRef")
        kind, name = reference.text("kind"), reference.text("name")
        return next(iter(self.find(kind, rollout.namespace, name, rollout)), None)

    @cached_property
    def lent(self) -> Mapping[Resource, Resource]:
        """Name the objects that only lend their template, each with the Rollout that runs it."""
        rollouts = self.of_kind("Rollout", "argoproj.io")
        return {lender: rollout for rollout in rollouts if (lender := self._lender(rollout)) is not None}

    @cached_property
    def workloads(self) -> tuple[Workload, ...]:
        """Give everything that runs Pods by itself: nothing that another object owns, or that lends its template."""
        return tuple(w for w in self._read_workloads if w.resource not in self.lent and not w.owned)

    @cached_property
    def _pods(self) -> LabelIndex[Workload]:
        return LabelIndex((w.namespace, w.pod_labels, w) for w in self.workloads)

    def selected(self, resource: Resource, selector: Selector | None) -> tuple[Workload, ...]:
        """Give the workloads whose Pods an object's selector picks, in the object's own namespace."""
        picked = self._pods.find(resource.namespace, selector)
        return tuple(w for w in picked if self._scopes.visible(w.resource.file, resource.file))

    @cached_property
    def _stores(self) -> Mapping[Workload, Store]:
        return {w: store for w in self.workloads if (store := store_in(w)) is not None}

    def store_of(self, workload: Workload) -> Store | None:
        """Give the data store that a workload runs, if it is one."""
        return self._stores.get(workload)

    def written_claims(self, workload: Workload) -> tuple[Volume, ...]:
        """Give the volumes of a workload that outlive its Pods and that it may write to; a StatefulSet's own aside."""
        return tuple(v for v in workload.volumes if v.source == "persistentVolumeClaim" and self._written(workload, v))

    def keeps_state(self, workload: Workload) -> bool:
        """Tell whether a workload keeps something that must outlive its Pods."""
        return workload in self._stores or bool(workload.claim_templates or self.written_claims(workload))

    def _written(self, workload: Workload, volume: Volume) -> bool:
        mounts = list(workload.mounts_of(volume))
        if volume.read_only or (mounts and all(mount.read_only for mount in mounts)):
            return False
        claims = self.find("PersistentVolumeClaim", workload.namespace, volume.claim, workload.resource)
        modes = {mode for claim in claims for mode in claim.spec.texts("accessModes")}
        return modes != {"ReadOnlyMany"}

    # Services and the way in

    @cached_property
    def services(self) -> tuple[Service, ...]:
        """Give all Services."""
        return tuple(service(resource) for resource in self.of_kind("Service", ""))

    @cached_property
    def _workloads_by_service(self) -> Mapping[Service, tuple[Workload, ...]]:
        seen = self._scopes.visible
        return {
            one: tuple(
                w
                for w in self._pods.find(one.resource.namespace, one.selector)
                if seen(w.resource.file, one.resource.file)
            )
            for one in self.services
        }

    @cached_property
    def _services_by_workload(self) -> Mapping[Workload, tuple[Service, ...]]:
        return _turned(self._workloads_by_service)

    def workloads_of(self, one: Service) -> tuple[Workload, ...]:
        """Give the workloads whose Pods a Service selects."""
        return self._workloads_by_service.get(one, ())

    def services_of(self, workload: Workload) -> tuple[Service, ...]:
        """Give the Services that select a workload's Pods."""
        return self._services_by_workload.get(workload, ())

    @cached_property
    def _ways_in(self) -> Mapping[Resource, tuple[Resource, ...]]:
        """Give the Services that are reached from outside, each with what leads there: itself, or routes."""
        ways: dict[Resource, list[Resource]] = {}
        for one in self.services:
            if one.public:
                ways.setdefault(one.resource, []).append(one.resource)
        for resource in self.resources:
            for namespace, name in dict.fromkeys(backends(resource)):
                for reached in self.find("Service", namespace, name, resource):
                    ways.setdefault(reached, []).append(resource)
        return {reached: tuple(by) for reached, by in ways.items()}

    def entrances(self, workload: Workload) -> tuple[Resource, ...]:
        """Give what leads from outside the cluster to a workload: public Services, Ingresses, routes."""
        ways = (self._ways_in.get(one.resource, ()) for one in self.services_of(workload))
        return tuple(dict.fromkeys(entrance for way in ways for entrance in way))

    @cached_property
    def front(self) -> "Front":
        """Give the ways in from outside, with what guards them."""
        from fairway.estate.front import Front  # noqa: PLC0415 - it knows the estate in turn

        return Front(self)

    @cached_property
    def calls(self) -> tuple["Calling", ...]:
        """Give every call that some file tells of, each pair as often as it is told."""
        from fairway.estate.calling import calls  # noqa: PLC0415 - it knows the estate in turn

        return tuple(calls(self))

    @cached_property
    def namespaces(self) -> frozenset[str]:
        """Name all namespaces that occur."""
        declared = {resource.name for resource in self.of_kind("Namespace", "")}
        return frozenset(declared | {resource.namespace for resource in self.resources}) - {""}

    # Scaling and disruption

    @cached_property
    def autoscalers(self) -> tuple[Autoscaler, ...]:
        """Give all autoscalers."""
        return tuple(autoscaler(resource) for resource in self.resources if is_autoscaler(resource))

    @cached_property
    def _targets(self) -> Mapping[Autoscaler, tuple[Workload, ...]]:
        by_resource = {w.resource: w for w in self.workloads}
        return {
            one: tuple(
                by_resource[resource]
                for resource in self.find(
                    one.target_kind, one.resource.namespace, one.target_name, seen_from=one.resource
                )
                if resource in by_resource
            )
            for one in self.autoscalers
        }

    @cached_property
    def _autoscalers_by_workload(self) -> Mapping[Workload, tuple[Autoscaler, ...]]:
        return _turned(self._targets)

    def targets_of(self, one: Autoscaler) -> tuple[Workload, ...]:
        """Give the workloads that an autoscaler scales; none where it points at nothing."""
        return self._targets.get(one, ())

    def autoscalers_of(self, workload: Workload) -> tuple[Autoscaler, ...]:
        """Give what scales a workload."""
        return self._autoscalers_by_workload.get(workload, ())

    def measured(self, workload: Workload, container: Container) -> dict[str, Autoscaler]:
        """Name the resources of a container that an autoscaler measures by their request, and which autoscaler."""
        if self.keeps_state(workload):
            return {}  # it should not be scaled by itself at all
        return {
            resource: one
            for one in self.autoscalers_of(workload)
            for resource, named in one.utilization
            if named in ("", container.name)
        }

    @cached_property
    def _budgets(self) -> Mapping[Workload, tuple[Resource, ...]]:
        found = {
            budget: tuple(
                w
                for w in self._pods.find(budget.namespace, label_selector(budget.spec, "selector"))
                if self._scopes.visible(w.resource.file, budget.file)
            )
            for budget in self.of_kind("PodDisruptionBudget", "policy")
        }
        return _turned(found)

    def budgets_of(self, workload: Workload) -> tuple[Resource, ...]:
        """Give the disruption budgets that cover a workload."""
        return self._budgets.get(workload, ())

    # Resources of containers

    @cached_property
    def _defaults(self) -> Mapping[str, tuple[frozenset[str], frozenset[str]]]:
        """Give what each namespace adds to containers: requests and limits."""
        found: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
        for resource in self.of_kind("LimitRange", ""):
            for entry in resource.spec.items("limits"):
                if entry.text("type") == "Container":
                    limits = entry.keys("default") | entry.keys("max")  # the default limit is the most, if not given
                    requests, before = found.get(resource.namespace, (frozenset(), frozenset()))
                    found[resource.namespace] = (requests | entry.keys("defaultRequest") | limits, before | limits)
        return found

    def requests_of(self, workload: Workload, container: Container) -> frozenset[str]:
        """Name the resources that a container asks for, by itself, by its Pod or by default of its namespace."""
        whole = workload.pod.mapping("resources")
        given = self._defaults.get(workload.namespace, (frozenset(), frozenset()))[0]
        return container.requests | given | whole.keys("requests") | whole.keys("limits")

    def limits_of(self, workload: Workload, container: Container) -> frozenset[str]:
        """Name the resources that a container may not exceed, as far as anything says so."""
        given = self._defaults.get(workload.namespace, (frozenset(), frozenset()))[1]
        return container.limits | given | workload.pod.mapping("resources").keys("limits")


def _turned(relation: Mapping[One, tuple[Other, ...]]) -> dict[Other, tuple[One, ...]]:
    """Turn a relation round."""
    turned: dict[Other, list[One]] = {}
    for one, others in relation.items():
        for other in others:
            turned.setdefault(other, []).append(one)
    return {other: tuple(ones) for other, ones in turned.items()}
