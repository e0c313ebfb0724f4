"""The page for the day on which another region takes writes: handing over, taking over, and beginning anew."""

from collections.abc import Iterator
from typing import Final

from fairway.core import by_hand
from fairway.core.artefact import Page
from fairway.core.facts import Engine
from fairway.core.profile import Landscape, Profile, StoreProfile
from fairway.stages.s10_data.build import places
from fairway.stages.s10_data.build.restoring import SKIP
from fairway.stages.s10_data.decisions import stores

RULE: Final = "data/geo-replication"
CLUSTER: Final = "cluster.postgresql.cnpg.io"
DEMOTED: Final = "'{.status.demotionToken}'"  # what a cluster gives that lets go of writes, when all is archived

Engines = dict[Engine, list[str]]  # the stores of each engine that is copied


def page(landscape: Landscape, durable: list[StoreProfile]) -> Iterator[Page]:
    """Write it where some store is copied to other regions; contexts of kubectl are called as the regions."""
    copied = {store.name: stores.copies(store, landscape) for store in durable}
    found = next((one.value for one in copied.values() if one is not None), None)
    if found is None:
        return
    home, other = found.home, found.others[0]
    engines: Engines = {}
    for store in durable:
        if copied[store.name] is not None:
            engines.setdefault(stores.engine(store, landscape).value, []).append(store.name)
    text = f"""# Another region takes over the data

{home} takes writes; the others follow. Nothing takes over by itself: two regions that both take writes cannot be
joined again. Take over only when you know that {home} is down or cut off, and will stay so until you undo this.
Contexts of kubectl are called as the regions here.

## {home} answers: hand over, nothing is lost

1. Where Argo CD deploys, keep it from undoing what follows:

{by_hand.indented([by_hand.hold(landscape.system.system)], 7)}

2. Stop who writes in {home}:

{by_hand.indented(by_hand.stop(_in(landscape, home), _users(landscape, durable)), 7)}

3. Hand over:

{by_hand.indented(_handing_over(landscape, engines, home, other), 7)}

4. Go on at "Say so in the facts".

## {home} is gone: take over

What {home} had confirmed and not yet archived is lost: that is the lag at the moment it failed. {home} must not come
back by itself, or two regions take writes: its machines stay off or cut off until a person begins it anew.

1. Where Argo CD deploys, keep it from undoing what follows:

{by_hand.indented([by_hand.hold(landscape.system.system)], 7)}

2. Let {other} take writes:

{by_hand.indented(_taking_over(landscape, engines, home, other), 7)}

## Say so in the facts

Move {other} to the front of `regions`{_whose(landscape)}, build and merge.
Then let Argo CD deploy again, by the new order:

    kubectl apply --filename deploy/gitops/argocd.yaml
    {by_hand.let_go(landscape.system.system)}

{_above(landscape)}## A region begins anew

After "take over", and after a restore to a moment, a copy elsewhere has what nobody else has, and cannot follow. It is
made anew from what the region that takes writes has archived: {home}, when it is back, by the files of the new order.

    region={home}
{by_hand.indented(_beginning_anew(landscape, engines))}
{by_hand.indented(by_hand.start(_in(landscape, '"$region"'), _users(landscape, durable)))}
"""
    yield Page(path="runbooks/data-in-another-region.md", text=text, rule=RULE)


def _above(landscape: Landscape) -> str:
    """Point to what becomes of the load balancer above the regions, where there is one."""
    if not any(profile.exposed for profile in landscape.services.values()):
        return ""
    return (
        "What stands above the regions is set up by the first of them:"
        " [how it moves](global-load-balancer.md#another-region-becomes-the-first).\n\n"
    )


def _whose(landscape: Landscape) -> str:
    """Say where the order of regions stands: in an environment of its own, or in the system."""
    widest = places.widest(landscape)
    declared = landscape.declared.environments.get(widest)
    return f" of the environment {widest}" if declared is not None and declared.regions else ""


def _in(landscape: Landscape, region: str) -> str:
    return f"kubectl --context {region} -n {landscape.system.system}"


def _users(landscape: Landscape, durable: list[StoreProfile]) -> list[Profile]:
    return [landscape.services[name] for name in dict.fromkeys(user for store in durable for user in store.users)]


def _each(names: list[str], *body: str) -> str:
    """Write a loop of a shell over stores."""
    return "\n".join((f"for store in {' '.join(names)}; do", *(f"  {line}" for line in body), "done"))


def _leads(region: str, more: str = "") -> str:
    """Write the patch that names the region which takes writes, inside double quotes of a shell."""
    return f'{{\\"spec\\":{{\\"replica\\":{{\\"primary\\":\\"$store-{region}\\"{more}}}}}}}'


def _handing_over(landscape: Landscape, engines: Engines, home: str, other: str) -> Iterator[str]:
    here, there = _in(landscape, home), _in(landscape, other)
    if names := engines.get("postgresql"):
        handed = ',\\"promotionToken\\":\\"$token\\"'
        yield _each(
            names,
            f'{here} patch {CLUSTER} "$store" --type merge -p "{_leads(other)}"',
            "token=",
            f'until [ -n "$token" ]; do sleep 5; token=$({here} get {CLUSTER} "$store" -o jsonpath={DEMOTED}); done',
            f'{there} patch {CLUSTER} "$store" --type merge -p "{_leads(other, handed)}"',
        )
    if names := engines.get("mysql"):
        yield f"# {', '.join(names)}: go on when 'show replica status' in {other} says Seconds_Behind_Source: 0"
    yield from _mysql_leads(landscape, engines, other)
    yield from _everywhere(engines)


def _taking_over(landscape: Landscape, engines: Engines, home: str, other: str) -> Iterator[str]:
    del home
    if names := engines.get("postgresql"):
        yield _each(names, f'{_in(landscape, other)} patch {CLUSTER} "$store" --type merge -p "{_leads(other)}"')
    yield from _mysql_leads(landscape, engines, other)
    yield from _everywhere(engines)


def _mysql_leads(landscape: Landscape, engines: Engines, other: str) -> Iterator[str]:
    if names := engines.get("mysql"):
        change = '{"spec":{"pxc":{"replicationChannels":[]}}}'
        yield _each(names, f"{_in(landscape, other)} patch pxc \"$store\" --type merge -p '{change}'")


def _everywhere(engines: Engines) -> Iterator[str]:
    if names := [*engines.get("cassandra", ()), *engines.get("dynamodb", ())]:
        yield f"# {', '.join(names)}: every region takes writes already"


def _beginning_anew(landscape: Landscape, engines: Engines) -> Iterator[str]:
    here, environment = _in(landscape, '"$region"'), places.widest(landscape)
    [(note, value)] = SKIP.items()
    if names := engines.get("postgresql"):
        file = f"deploy/{environment}/$region/data/$store/cluster.yaml"
        yield _each(
            names,
            f'{here} delete {CLUSTER} "$store"',
            f'kubectl annotate --local --filename "{file}" {note}={value} --output yaml \\',
            f"  | {here} apply --server-side --force-conflicts --filename -",
        )
    for name in engines.get("mysql", ()):
        yield f"# {name}: as restore-{name}.md says under 'A copy in another region'"
