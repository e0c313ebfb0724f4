"""Each schema that a service needs is changed by a Job of its own before it starts, and by nobody where it has none."""

from typing import Any

import msgspec
import pytest
from tests.stages.combined_system import ROOT, built, cases, facts

from fairway.core.facts import System
from fairway.core.migration import migrated
from fairway.core.order import order as waves_of
from fairway.core.profile import survey
from fairway.declaration.load import load
from fairway.stages.s08_delivery import order as delivery
from fairway.stages.s08_delivery.decisions.rollback import migrations
from fairway.stages.s10_data import order as data
from fairway.verbs.render import render
from fairway.verbs.workspace import Workspace, standard

PERSONAL: dict[str, Any] = {
    "greeter": {"data": ["personal"]},
    "viewer": {"stores": ["clicks"]},
    "seller": {"stores": ["sales"]},
    "idler": {},
}
STORES: dict[str, Any] = {
    "clicks": {"workload": "write-heavy", "engine": "cassandra"},
    "sales": {"workload": "transactional", "data": ["personal"], "retention": "1y"},
}


def shop() -> System:
    """Declare services that change the table of keys alone, nothing, and two schemas."""
    return msgspec.convert({"system": "shop", "services": PERSONAL, "stores": STORES}, System)


def test_whoever_handles_personal_data_makes_the_table_of_keys() -> None:
    """Also where it keeps nothing itself, since nobody else may do; what only Cassandra keeps needs no Job."""
    services = survey(shop()).services
    assert {name: migrated(profile) for name, profile in services.items()} == {
        "greeter": ("persons",),
        "viewer": (),
        "seller": ("sales", "persons"),
        "idler": (),
    }
    decided = [one for one in migrations(services["greeter"]) if one.subject == "store persons"]
    assert [one.topic for one in decided] == ["schema changes"]
    assert "personal data" in decided[0].because


def test_the_order_of_work_names_a_migration_where_there_is_one() -> None:
    """After the stores that it changes, before the version that needs it."""
    landscape = survey(shop())
    edges = [*delivery.order(landscape), *data.order(landscape)]
    pairs = {(edge.first, edge.then) for edge in edges}
    assert ("store/persons", "migration/greeter") in pairs
    assert ("migration/greeter", "workload/greeter") in pairs
    assert ("store/persons", "workload/greeter") in pairs
    assert ("store/clicks", "workload/viewer") in pairs
    assert not any("migration/viewer" in pair or "migration/idler" in pair for pair in pairs)
    waves = waves_of(edges).waves
    [when] = [number for number, wave in enumerate(waves) if "migration/greeter" in wave]
    assert "store/persons" in waves[when - 1]
    assert "workload/greeter" in waves[when + 1]


@pytest.mark.parametrize("number", range(len(cases())))
def test_the_order_of_work_and_what_is_built_name_the_same_migrations(number: int) -> None:
    """A name without a Job would be waited for, and a Job without a name would be forgotten."""
    jobs = {
        path.split("/")[-2] for path, file in built(cases()[number]).items() if path.endswith("/job-migration.yaml")
    }
    landscape = survey(msgspec.convert(facts(cases()[number]), System))
    named = {edge.first for edge in delivery.order(landscape) if edge.first.startswith("migration/")}
    assert named == {f"migration/{name}" for name in jobs}


def test_the_job_of_the_table_of_keys_may_change_it_and_reaches_it() -> None:
    """By the user that the store knows for it, with the page that tells what it does."""
    loaded = msgspec.structs.replace(load(ROOT / "examples" / "hello"), system=shop())
    tree = render(Workspace(loaded, standard()))
    [job] = [path for path in tree if path.endswith("services/greeter/job-migration.yaml")]
    folder = job.rpartition("/")[0]
    assert f"{folder}/serviceaccount-migration.yaml" in tree
    assert "persons-migration-password" in tree[f"{folder}/externalsecret-migration.yaml"].text
    assert "greeter-migration" in tree[f"{folder}/networkpolicy-chores.yaml"].text
    assert "runbooks/migrate-greeter.md" in tree
    assert not any("services/viewer/job-migration" in path for path in tree)
