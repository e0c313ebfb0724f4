"""What the facts leave unsaid is filled in and named."""

from typing import Any

import msgspec

from fairway.core.completion import Assumption, complete
from fairway.core.facts import System


def completed(facts: dict[str, Any]) -> tuple[System, tuple[Assumption, ...]]:
    """Complete a system of these facts."""
    return complete(msgspec.convert({"system": "s", **facts}, System))


def said(assumed: tuple[Assumption, ...], subject: str) -> list[str]:
    """Pick what is assumed of one subject."""
    return [f"{one.says}, because {one.because}" for one in assumed if one.subject == subject]


def test_a_service_with_sessions_gets_a_store_for_them() -> None:
    """Its sessions live outside the process, in what may be lost."""
    system, assumed = completed({"services": {"a": {"sessions": True}}})
    assert system.stores["sessions"].workload == "cache"
    assert system.stores["sessions"].engine == "redis"
    assert system.services["a"].stores == ("sessions",)
    assert "a cache store 'sessions', because its sessions live outside the process" in said(assumed, "service a")


def test_a_declared_cache_holds_the_sessions() -> None:
    """Nothing is implied where something fitting is declared."""
    system, _ = completed(
        {"stores": {"quick": {"workload": "cache"}}, "services": {"a": {"sessions": True, "stores": ["quick"]}}}
    )
    assert set(system.stores) == {"quick"}


def test_a_durable_store_called_sessions_is_not_taken_for_sessions() -> None:
    """A name that is taken by another kind of store is left to it."""
    stores = {"sessions": {"workload": "transactional"}}
    system, _ = completed({"stores": stores, "services": {"a": {"sessions": True}, "b": {"stores": ["sessions"]}}})
    (implied,) = system.services["a"].stores
    assert system.stores[implied].workload == "cache"
    assert system.stores["sessions"].workload == "transactional"


def test_a_store_declared_under_the_name_of_the_default_is_the_default() -> None:
    """Whoever says more about it (personal data, say) does not get a second, empty one beside it."""
    stores = {"a-db": {"workload": "transactional", "data": ["personal"]}, "sessions": {"workload": "cache"}}
    services = {"a": {"publishes": ["c"], "sessions": True}, "b": {"sessions": True}}
    system, assumed = completed({"channels": {"c": {}}, "stores": stores, "services": services})
    assert set(system.stores) == {"a-db", "sessions"}
    assert system.services["a"].stores == ("a-db", "sessions")
    assert system.services["a"].secure_user_data
    assert "a transactional store 'a-db', because its outbox needs one and it names none" in said(assumed, "service a")


def test_a_store_that_another_service_names_is_left_to_it() -> None:
    """Two services never share a durable store unasked."""
    services = {"a": {"publishes": ["c"]}, "b": {"stores": ["a-db"]}}
    stores = {"a-db": {"workload": "transactional"}}
    system, _ = completed({"channels": {"c": {}}, "stores": stores, "services": services})
    assert system.services["a"].stores == ("a-a-db",)


def test_a_participant_of_a_workflow_is_traced() -> None:
    """Its workflow's requests or events cross services, though no call or channel is declared yet."""
    system, _ = completed({"workflows": {"w": {"participants": ["a", "b"]}}, "services": {"a": {}, "b": {}, "c": {}}})
    assert [service.tracing for service in system.services.values()] == [True, True, False]


def test_a_disk_for_what_is_retained_takes_no_name_and_no_place_of_another() -> None:
    """What is shared read-only stays where it is."""
    shared = {"access": "shared-read-only"}
    for volumes in ({"state": shared}, {"model": {**shared, "mount": "/var/lib/state"}}):
        system, _ = completed({"services": {"a": {"retains-state": True, "volumes": volumes}}})
        disks = system.services["a"].volumes
        assert list(disks) == [*volumes, "own-state"]
        assert disks["own-state"].access == "read-write"


def test_a_workflow_implies_a_transactional_store() -> None:
    """Each participant needs one of its own."""
    flow = {"participants": ["a", {"service": "b"}]}
    system, assumed = completed({"workflows": {"w": flow}, "services": {"a": {}, "b": {}}})
    assert set(system.stores) == {"a-db", "b-db"}
    assert any("a workflow needs one and it names none" in line for line in said(assumed, "service b"))


def test_a_publisher_gets_a_store_for_its_outbox() -> None:
    """An event leaves together with the change that it tells of."""
    system, _ = completed({"channels": {"c": {}}, "services": {"a": {"publishes": ["c"]}}})
    assert system.stores["a-db"].workload == "transactional"


def test_the_mesh_follows_from_what_services_need() -> None:
    """Needs of the network bring Istio; without them there is none."""
    assert completed({"services": {"a": {}}})[0].platform.mesh == "none"
    system, assumed = completed({"services": {"a": {"traffic-needs": ["retries"]}}})
    assert system.platform.mesh == "istio"
    assert "mesh: istio, because a needs retries" in said(assumed, "system")
    assert completed({"services": {"a": {"traffic-needs": ["rerouting"]}}})[0].platform.mesh == "none"


def test_a_declared_choice_is_no_assumption() -> None:
    """What the user says stands."""
    system, assumed = completed({"platform": {"mesh": "none"}, "services": {"a": {"traffic-needs": ["retries"]}}})
    assert system.platform.mesh == "none"
    assert not any(line.startswith("mesh") for line in said(assumed, "system"))


def test_write_heavy_work_goes_to_dynamodb_where_every_region_is_on_aws() -> None:
    """Elsewhere it goes to Cassandra."""
    stores = {"stores": {"w": {"workload": "write-heavy"}}, "services": {"a": {"stores": ["w"]}}}
    assert completed(stores)[0].stores["w"].engine == "cassandra"
    assert completed({**stores, "regions": {"x": {"cloud": "aws"}}})[0].stores["w"].engine == "dynamodb"
    assert (
        completed({**stores, "regions": {"x": {"cloud": "aws"}, "y": {"cloud": "gcp"}}})[0].stores["w"].engine
        == "cassandra"
    )


def test_secrets_come_from_the_cloud_that_all_regions_share() -> None:
    """Vault where there is none or several."""
    assert completed({"regions": {"x": {"cloud": "gcp"}}})[0].platform.secrets == "gcp"
    assert completed({"regions": {"x": {"cloud": "gcp"}, "y": {"cloud": "aws"}}})[0].platform.secrets == "vault"
    assert completed({})[0].platform.secrets == "vault"


def test_personal_data_in_a_store_is_taken_for_secure_user_data() -> None:
    """Unless the facts say otherwise."""
    store = {"stores": {"db": {"workload": "transactional", "data": ["personal"]}}}
    system, assumed = completed({**store, "services": {"a": {"stores": ["db"]}}})
    assert system.services["a"].secure_user_data is True
    assert "it reads secure user data, because its store db holds personal data" in said(assumed, "service a")
    system, _ = completed({**store, "services": {"a": {"stores": ["db"], "secure-user-data": False}}})
    assert system.services["a"].secure_user_data is False


def test_objectives_come_with_criticality() -> None:
    """One word changes what users are promised; a declared half is kept."""
    system, _ = completed({"services": {"a": {"criticality": "mission-critical", "objectives": {"latency": "50ms"}}}})
    objectives = system.services["a"].objectives
    assert objectives is not None
    assert (objectives.availability, objectives.latency) == (99.95, "50ms")


def test_state_in_a_process_gets_a_disk() -> None:
    """What must survive a replica needs somewhere to survive."""
    system, assumed = completed({"services": {"a": {"retains-state": True}}})
    assert list(system.services["a"].volumes) == ["state"]
    assert "a disk 'state' of 10Gi, because what it retains must survive its replica" in said(assumed, "service a")


def test_completing_twice_changes_nothing() -> None:
    """A system without gaps is left alone."""
    once, _ = completed(
        {"owners": {"o": "x"}, "services": {"a": {"sessions": True, "calls": {"b": {}}}, "b": {"publishes": []}}}
    )
    again, assumed = complete(once)
    assert again == once
    assert assumed == ()
