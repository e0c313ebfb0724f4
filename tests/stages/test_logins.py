"""Who logs in to a store or a broker, and what lets it in, read the same entries of the secrets manager."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.stages.combined_system import built as combined
from tests.stages.combined_system import cases

from fairway.declaration.load import load
from fairway.verbs.render import render
from fairway.verbs.workspace import Workspace, standard

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
Objects = dict[str, dict[str, Any]]  # by path
Entries = dict[str, set[str]]  # of the secrets manager, by the Secret that has them


def systems() -> Iterator[str]:
    """Name all examples, and a combination for each SQL engine, broker and way to name entries."""
    yield from sorted(path.parent.name for path in EXAMPLES.glob("*/fairway.yaml"))
    met = set()
    for number, case in enumerate(cases()):
        chosen = dict(case)
        kind = (chosen["sql"], chosen["broker"], chosen["secrets"] in {"gcp", "azure"})
        if kind not in met:
            met.add(kind)
            yield str(number)


def sites(system: str) -> list[Objects]:
    """Give the objects of each site of an example, or of a combination."""
    if system.isdigit():
        built = combined(cases()[int(system)])
    else:
        built = render(Workspace(load(EXAMPLES / system), standard()))
    found: dict[str, Objects] = defaultdict(dict)
    for path, file in built.items():
        if file.manifest is not None:
            environment, region, inside = path.split("/", 2)
            found[f"{environment}/{region}"][inside] = file.manifest.object
    return list(found.values())


def fetched(site: Objects, folder: str) -> Entries:
    """Give the entries behind every Secret that is fetched for what is in a folder."""
    return {
        one["metadata"]["name"]: {"/".join(datum["remoteRef"].values()) for datum in one["spec"]["data"]}
        for path, one in site.items()
        if path.startswith(folder) and one["kind"] == "ExternalSecret" and "data" in one["spec"]
    }


def roles(site: Objects) -> dict[str, dict[str, str]]:
    """Give the Secret of every role of each SQL store, by the names of the store and the role."""
    found: dict[str, dict[str, str]] = {}
    for one in site.values():
        name = one["metadata"]["name"]
        if one["kind"] == "Cluster" and one["apiVersion"].startswith("postgresql"):
            found[name] = {role["name"]: role["passwordSecret"]["name"] for role in one["spec"]["managed"]["roles"]}
        elif one["kind"] == "PerconaXtraDBCluster":
            found[name] = {user["name"]: user["passwordSecretRef"]["name"] for user in one["spec"]["users"]}
    return found


def workloads(site: Objects) -> Iterator[tuple[str, set[str]]]:
    """Give the name of every workload of a service, and the entries that its Pods read."""
    secrets = fetched(site, "services/")
    for path, one in site.items():
        spec = one.get("spec", {})
        template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
        if not path.startswith("services/") or one["kind"] not in {"CronJob", "Deployment", "Job", "StatefulSet"}:
            continue
        pod = template["spec"]
        read = {volume["secret"]["secretName"] for volume in pod.get("volumes", ()) if "secret" in volume}
        for variable in (variable for container in pod["containers"] for variable in container.get("env", ())):
            if told := variable.get("valueFrom", {}).get("secretKeyRef"):
                read.add(told["name"])
        yield one["metadata"]["name"], {entry for name in read for entry in secrets.get(name, ())}


@pytest.mark.parametrize("system", list(systems()))
def test_a_workload_logs_in_as_one_role_with_the_name_and_the_password_of_that_role(system: str) -> None:
    """A migration as the one that changes the schema, and nobody as two."""
    for site in sites(system):
        secrets = fetched(site, "data/")
        for store, users in roles(site).items():
            whose = {entry: role for role, secret in users.items() for entry in secrets[secret]}
            for name, entries in workloads(site):
                logged_in = {whose[entry] for entry in entries & whose.keys()}
                assert len(logged_in) <= 1, (store, name)
                for role in logged_in:
                    assert secrets[users[role]] <= entries, (store, name)
                    assert role == name or not name.endswith("-migration"), (store, name)


@pytest.mark.parametrize("system", list(systems()))
def test_every_password_that_is_read_for_a_store_or_the_broker_lets_somebody_in(system: str) -> None:
    """What a service or its migration logs in with is what the store or the broker reads."""
    for site in sites(system):
        stores = {path.split("/")[1] for path in site if path.count("/") > 1 and path.startswith("data/")}
        ends = tuple(f"{name}{user}-password" for name in stores for user in ("", "-migration"))
        let_in = set().union(*fetched(site, "data/").values())
        asked = {(name, entry) for name, entries in workloads(site) for entry in entries if entry.endswith(ends)}
        assert asked
        assert {(name, entry) for name, entry in asked if entry not in let_in} == set()
