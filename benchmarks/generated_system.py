"""Generate a fairway.yaml of any size, always the same one: many teams, stores, calls, channels and workflows."""

import argparse
from collections.abc import Iterator
from typing import Final

AREAS: Final = ("catalogue", "orders", "payments", "shipping", "accounts", "search", "loyalty", "returns")
JOBS: Final = ("api", "worker", "pricing", "history", "rules", "export", "alerts", "intake", "quotes", "reviews")
SERVICES_A_TEAM: Final = 12


def service_name(number: int) -> str:
    """Name the service of a *number*, counted from 0."""
    return f"{AREAS[number % len(AREAS)]}-{JOBS[number % len(JOBS)]}-{number}"


def team_name(number: int) -> str:
    """Name the team that owns the service of a *number*."""
    return f"team-{number // SERVICES_A_TEAM}"


def is_public(number: int) -> bool:
    """Tell whether a service is reached from outside: one in ten."""
    return number % 10 == 0


def has_store(number: int) -> bool:
    """Tell whether a service has a database: three in five."""
    return number % 5 in (0, 1, 3)


def is_publisher(number: int) -> bool:
    """Tell whether a service publishes events: one in five."""
    return number % 5 == 1


def generate(services: int) -> str:
    """Write the facts of a system of so many *services*; a service calls only those before it."""
    return "\n".join(_lines(services)) + "\n"


def _lines(count: int) -> Iterator[str]:
    yield "# Generated; 'python benchmarks/generated_system.py' writes it."
    yield "system: generated"
    yield "version: 1.0.0"
    yield "owners:"
    yield from (f'  team-{team}: "#team-{team}"' for team in range(-(-count // SERVICES_A_TEAM)))
    yield "environments:"
    yield "  staging: {secure: false, domain: staging.example.com, regions: [eu-west-1]}"
    yield "  production: {domain: www.example.com}"
    yield "regions:"
    yield "  eu-west-1: {cloud: aws}"
    yield "  us-east-1: {cloud: aws}"
    yield "identity-providers:"
    yield "  customers: {issuer: https://login.example.com}"
    yield "external-systems:"
    yield "  card-network: {host: api.cards.example.net}"
    yield "services:"
    for number in range(count):
        yield from _service(number)
    yield "stores:"
    for number in filter(has_store, range(count)):
        yield from _store(number)
    yield "channels:"
    for number in filter(is_publisher, range(count)):
        yield f"  {service_name(number)}-events: {{ordered-by: id}}"
    yield "workflows:"
    for number in range(49, count, 50):
        participants = ", ".join(service_name(other) for other in range(number - 49, number, 20))
        yield f"  flow-{number}: {{participants: [{participants}], consistency: eventual}}"


def _service(number: int) -> Iterator[str]:
    yield f"  {service_name(number)}:"
    yield f"    capability: Keeps the {JOBS[number % len(JOBS)]} of {AREAS[number % len(AREAS)]} number {number}"
    yield f"    owner: {team_name(number)}"
    if is_public(number):
        yield "    exposure: external"
        yield "    customer-facing: true"
        yield "    criticality: mission-critical"
        yield f"    anonymous-routes: [GET /{service_name(number)}]"
    yield from _calls(number)
    if has_store(number):
        yield f"    stores: [{service_name(number)}-db]"
    if is_publisher(number):
        yield f"    publishes: [{service_name(number)}-events]"
    elif number % 5 == 2:  # noqa: PLR2004 - the service after a publisher
        yield f"    consumes: [{service_name(number - 1)}-events]"
    if number % 4 == 0:
        yield "    secrets: [card-network-key]"
    yield f"    traffic: {{typical: {10 + number % 90}, peak: {100 + number % 400}}}"
    yield "    objectives: {availability: 99.9, latency: 300ms}"


def _calls(number: int) -> Iterator[str]:
    callees = sorted({number // 2, number // 3, number - 7} & set(range(number)))
    if callees or is_public(number):
        yield "    calls:"
    for callee in callees:
        essential = "true" if callee % 2 == 0 else "false"
        yield f"      {service_name(callee)}: {{essential: {essential}, idempotent: true, timeout: 200ms}}"
    if is_public(number):
        yield "      card-network: {when-down: queue}"


def _store(number: int) -> Iterator[str]:
    yield f"  {service_name(number)}-db:"
    yield "    workload: transactional"
    if number % 3 == 0:
        yield "    data: [personal]"
        yield "    retention: 2y"
    yield "    size: 20Gi"


def main() -> None:
    """Print the facts of a system."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("services", type=int, nargs="?", default=3, help="how many services (3)")
    print(generate(parser.parse_args().services), end="")


if __name__ == "__main__":
    main()
