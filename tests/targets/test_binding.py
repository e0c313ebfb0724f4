"""What a running service is told comes from the decisions, and from nowhere else."""

import json
from pathlib import Path

import msgspec
import pytest

from fairway.core.artefact import Site
from fairway.core.errors import BadRegistryError
from fairway.core.parts import Bind
from fairway.core.registry import builders, rule_by_id
from fairway.targets.notes import binding_of, binding_text
from fairway.verbs.bind import binding, sites
from fairway.verbs.workspace import open_system
from fairway_sdk.contract.binding import Binding, Breaker, Retries

EXAMPLES = Path(__file__).parents[2] / "examples"
PRODUCTION = Site(environment="production", region="eu-west-1")


@pytest.mark.parametrize("example", ["hello", "bookshop", "clinic"])
def test_every_service_of_every_example_is_told_something_that_the_sdk_understands(example: str) -> None:
    """What is printed is read back as the same binding, on every site."""
    workspace = open_system(EXAMPLES / example)
    for site in sites(workspace.landscape.system):
        for name in workspace.landscape.services:
            told = binding(workspace, name, site)
            assert msgspec.json.decode(binding_text(told), type=Binding) == told
            assert (told.service, told.environment, told.region) == (name, site.environment, site.region)


@pytest.mark.parametrize("example", ["hello", "bookshop", "clinic"])
def test_every_note_names_a_rule_of_the_catalogue(example: str) -> None:
    """So that each figure a service runs with can be explained."""
    workspace = open_system(EXAMPLES / example)
    known, landscape = rule_by_id(workspace.rooms), workspace.landscape
    site = next(sites(landscape.system))
    for build in builders(workspace.rooms):
        for profile in landscape.services.values():
            for note in build.bind(profile, landscape, site):
                assert note.rule in known, note


def test_the_figures_are_those_of_the_plan() -> None:
    """Orders is mission-critical: three failures open a breaker for five seconds, and a request ends after 1.2 s."""
    told = binding(open_system(EXAMPLES / "bookshop"), "orders", PRODUCTION)
    assert told.deadline == 1.2
    assert told.calls["payments"].timeout == 2.0
    assert told.calls["payments"].breaker == Breaker(failures=3, pause=5)
    assert told.calls["payments"].retries is None, "the mesh retries, and only one layer may"
    assert told.stores["orders-db"].connections == 4
    assert told.workflows["checkout"].stuck_after == 300
    assert told.identity.callers == ("storefront",)
    assert told.flags == {"new-checkout": False}


def test_calls_to_the_outside_are_retried_by_the_client() -> None:
    """No mesh stands before the card network."""
    told = binding(open_system(EXAMPLES / "bookshop"), "payments", PRODUCTION)
    assert told.calls["card-network"].retries == Retries(tries=4, first_pause=0.025, longest_pause=0.4)
    assert told.calls["card-network"].tls


def test_events_are_retried_as_patiently_as_their_consumer_is_critical() -> None:
    """Notifications tries six times."""
    told = binding(open_system(EXAMPLES / "bookshop"), "notifications", PRODUCTION)
    assert told.consumes["order-placed"].retries == Retries(tries=6, first_pause=1, longest_pause=120)
    assert told.consumes["order-placed"].personal
    assert told.consumes["order-placed"].remembered == 8 * 86400


def test_all_services_with_personal_data_share_one_keyring() -> None:
    """An event that one seals the other can open, and erasing a person once is enough."""
    workspace = open_system(EXAMPLES / "bookshop")
    for name in ("orders", "notifications", "shipping", "activity"):
        told = binding(workspace, name, PRODUCTION)
        assert told.personal is not None
        assert told.stores[told.personal.keys].database == "persons"
    assert binding(workspace, "inventory", PRODUCTION).personal is None


def test_a_value_of_a_secret_is_in_no_binding() -> None:
    """Only names of files are."""
    text = binding_text(binding(open_system(EXAMPLES / "bookshop"), "payments", PRODUCTION))
    assert json.loads(text)["stores"]["payments-db"]["password-secret"] == "payments-db-password"
    assert '"password":' not in text


def test_two_rooms_that_disagree_stop_the_program() -> None:
    """As with every other part."""
    notes = [Bind(service="a", rule=f"design/{word}", path=("deadline",), value=word) for word in ("saga", "events")]
    with pytest.raises(BadRegistryError, match="both set the binding deadline of a"):
        binding_of("a", notes)


def test_a_note_that_the_contract_does_not_know_stops_the_program() -> None:
    """A misspelt key would otherwise be lost."""
    with pytest.raises(BadRegistryError, match="binding of a does not fit"):
        binding_of("a", [Bind(service="a", rule="design/saga", path=("deadlin",), value=1)])
