"""Who calls whom, as far as files tell: addresses in settings and arguments, policies that let one in to another."""

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from fairway.estate.container import Container
from fairway.estate.index import Estate
from fairway.estate.node import Node
from fairway.estate.selectors import LabelIndex, label_selector
from fairway.estate.service import Service
from fairway.estate.settings import ADDRESS_WORDS
from fairway.estate.told import told
from fairway.estate.workload import Workload

_URL = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]*://(?:[^@/\s]*@)?([A-Za-z0-9.-]+)(?::(\d{1,5}))?")
_ADDRESS = re.compile(r"(?<![\w./@:-])([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?):(\d{1,5})(?!\d)")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_WORD = re.compile(r"[A-Za-z]+")
_PRINCIPAL = re.compile(r"(?:[^/]+/)?ns/([^/]+)/sa/([^/]+)$")


class Calling(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """One workload calls another, or something that is not here."""

    caller: Workload
    callee: Workload | None
    service: Service | None
    host: str  # as it is written
    port: int | None
    evidence: str  # in words
    node: Node


def calls(estate: Estate) -> Iterator[Calling]:
    """Give every call that some file tells of, each pair as often as it is told."""
    services: dict[tuple[str, str], list[Service]] = {}
    for one in estate.services:
        services.setdefault((one.resource.namespace, one.resource.name), []).append(one)
    for workload in estate.workloads:
        for container in workload.every_container:
            yield from _told(estate, services, workload, container)
    yield from _let_in(estate)


def _told(
    estate: Estate, services: Mapping[tuple[str, str], list[Service]], caller: Workload, container: Container
) -> Iterator[Calling]:
    for one in told(estate, caller, container):
        for host, port in dict.fromkeys(hosts(one.name, one.value)):
            found = _service(services, caller, host)
            if found is None and "." not in host:
                continue  # a word that happens to look like an address
            callees = estate.workloads_of(found) if found else (None,)
            for callee in callees or (None,):
                if callee is not caller:
                    evidence = f"{one.name} is an address of it" if one.name else "an argument is an address of it"
                    yield Calling(
                        caller=caller,
                        callee=callee,
                        service=found,
                        host=host,
                        port=port,
                        evidence=evidence,
                        node=one.node,
                    )


def hosts(name: str, value: str) -> Iterator[tuple[str, int | None]]:
    """Give the hosts and ports in a value: of URLs, of `host:port`, and plain ones where the name tells of one."""
    yield from ((host.lower(), int(port) if port else None) for host, port in _URL.findall(value))
    yield from ((host, int(port)) for host, port in _ADDRESS.findall(value))
    words = {word.lower() for word in _WORD.findall(name)}
    if not ADDRESS_WORDS.isdisjoint(words):
        for part in re.split(r"[\s,;]+", value):
            if _HOST.fullmatch(part) and not part.isdigit():
                yield part, None


def _service(services: Mapping[tuple[str, str], list[Service]], caller: Workload, host: str) -> Service | None:
    name, _, rest = host.rstrip(".").partition(".")
    namespace = rest.partition(".")[0] or caller.namespace
    return next(iter(services.get((namespace, name), ())), None)


def _let_in(estate: Estate) -> Iterator[Calling]:
    """Read policies: whom one lets in by name is meant to call."""
    pods = LabelIndex((w.namespace, w.pod_labels, w) for w in estate.workloads)
    by_account: dict[tuple[str, str], list[Workload]] = {}
    for workload in estate.workloads:
        account = workload.pod.text("serviceAccountName") or "default"
        by_account.setdefault((workload.namespace, account), []).append(workload)
    for policy in estate.of_kind("NetworkPolicy", "networking.k8s.io"):
        callees = _selected(pods, policy.namespace, policy.spec, "podSelector")
        for peer in (peer for rule in policy.spec.items("ingress") for peer in rule.items("from")):
            if not peer.has("namespaceSelector"):
                callers = _selected(pods, policy.namespace, peer, "podSelector")
                yield from _pairs(callers, callees, f"NetworkPolicy {policy.name} lets it in", peer)
    for policy in estate.of_kind("AuthorizationPolicy", "security.istio.io"):
        callees = _selected(pods, policy.namespace, policy.spec, "selector")
        for source in (source for rule in policy.spec.items("rules") for source in rule.items("from")):
            for principal in source.mapping("source").texts("principals"):
                found = _PRINCIPAL.search(principal)
                accounts = by_account.get((found[1], found[2]), ()) if found else ()
                yield from _pairs(accounts, callees, f"AuthorizationPolicy {policy.name} lets it in", source)


def _selected(pods: LabelIndex[Workload], namespace: str, node: Node, key: str) -> tuple[Workload, ...]:
    if not node.mapping(key):
        return ()  # all of them: that tells of nobody
    return pods.find(namespace, label_selector(node, key))


def _pairs(callers: Iterable[Workload], callees: Iterable[Workload], evidence: str, node: Node) -> Iterator[Calling]:
    for caller in callers:
        for callee in callees:
            if caller is not callee:
                yield Calling(
                    caller=caller,
                    callee=callee,
                    service=None,
                    host=callee.name,
                    port=None,
                    evidence=evidence,
                    node=node,
                )
