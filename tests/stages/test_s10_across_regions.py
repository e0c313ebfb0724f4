"""Stores whose servers talk across regions trust one another, and Cassandra lets in whom the facts name."""

import re
from typing import Any

from tests.stages.test_s10_build import built, land

from fairway.core.artefact import Site
from fairway.stages.s10_data.binding import bind
from fairway.stages.s10_data.build import pages

NORTH, SOUTH = (Site(environment="production", region=name) for name in ("north", "south"))
BOTH = {"north": "none", "south": "none"}
Objects = dict[str, dict[str, Any]]


def test_servers_of_all_regions_have_one_authority_and_a_way_to_each_other() -> None:
    """A store in one region, and one that meets its copies in an archive only, have the region's own."""
    for site in (NORTH, SOUTH):
        made = built(land(BOTH), site)
        for store in ("ledger", "events"):
            issuer = made[f"data/{store}/certificate.yaml"]["spec"]["issuerRef"]
            assert (issuer["kind"], issuer["name"]) == ("Issuer", made["data/issuer-regions.yaml"]["metadata"]["name"])
        assert made["data/db/certificate.yaml"]["spec"]["issuerRef"]["kind"] == "ClusterIssuer"
        secret = made["data/issuer-regions.yaml"]["spec"]["ca"]["secretName"]
        assert made["data/externalsecret-regions.yaml"]["metadata"]["name"] == secret
        for store, port in (("events", 7000), ("ledger", 3306)):
            spec = made[f"data/{store}/networkpolicy-regions.yaml"]["spec"]
            for way in (*spec["ingress"], *spec["egress"]):
                assert port in [one["port"] for one in way["ports"]]
    alone = built(land({"north": "none"}), NORTH)
    assert not any("regions" in path for path in alone)
    assert alone["data/events/certificate.yaml"]["spec"]["issuerRef"]["kind"] == "ClusterIssuer"


def test_mysql_is_followed_by_the_name_that_its_region_exports() -> None:
    """The certificate has that name, only the region that takes writes exports it, and both have one user for it."""
    here, there = built(land(BOTH), NORTH), built(land(BOTH), SOUTH)
    [channel] = there["data/ledger/perconaxtradbcluster.yaml"]["spec"]["pxc"]["replicationChannels"]
    [source] = channel["sourcesList"]
    export = here["data/ledger/serviceexport.yaml"]
    assert source["host"] == f"{export['metadata']['name']}.{export['metadata']['namespace']}.svc.clusterset.local"
    assert source["host"] in here["data/ledger/certificate.yaml"]["spec"]["dnsNames"]
    assert "data/ledger/serviceexport.yaml" not in there
    own = [made["data/ledger/externalsecret-own.yaml"] for made in (here, there)]
    assert own[0] == own[1]
    assert "replication" in {one["secretKey"] for one in own[0]["spec"]["data"]}
    for made in (here, there):
        cluster = made["data/ledger/perconaxtradbcluster.yaml"]["spec"]
        assert cluster["secretsName"] == made["data/ledger/externalsecret-own.yaml"]["metadata"]["name"]
    page = next(page.text for page in pages(land(BOTH)) if page.path == "runbooks/restore-ledger.md")
    assert '"bucket": "shop-production-backups-of-north/ledger"' in page


def test_cassandra_lets_each_service_in_twice_by_the_passwords_that_it_logs_in_with() -> None:
    """What runs reads and writes rows; what changes the schema is another user; neither is the operator's."""
    made = built(land())
    told = made["data/events/externalsecret-roles.yaml"]["spec"]
    text = told["target"]["template"]["data"]["roles.cql"]
    entries = {one["secretKey"]: one["remoteRef"]["property"] for one in told["data"]}
    passwords = dict(re.findall(r'ALTER ROLE "([\w-]+)" WITH PASSWORD = \'\{\{ \.(\w+) \}\}\'', text))
    assert {user: entries[entry] for user, entry in passwords.items()} == {
        "views": "events-password",
        "views-migration": "events-migration-password",
    }
    assert re.findall(r'GRANT (\w+) ON KEYSPACE "events" TO "views";', text) == ["SELECT", "MODIFY"]
    assert "CREATE" in re.findall(r'GRANT (\w+) ON KEYSPACE "events" TO "views-migration";', text)
    assert "SUPERUSER = true" not in text
    spread = built(land(BOTH), SOUTH)["data/events/externalsecret-roles.yaml"]["spec"]["target"]["template"]["data"]
    copies = re.search(r"replication = \{.*'north': (\d), 'south': (\d)\}", spread["roles.cql"])
    assert copies is not None


def test_the_chore_that_keeps_roles_reaches_the_servers_and_is_no_server() -> None:
    """By policies that select it by a name of its own."""
    made = built(land())
    pod = made["data/events/cronjob-roles.yaml"]["spec"]["jobTemplate"]["spec"]["template"]
    name = pod["metadata"]["labels"]["app.kubernetes.io/name"]
    assert name == "events-roles"
    out, into = (made[f"data/events/networkpolicy-{file}.yaml"]["spec"] for file in ("roles", "roles-in"))
    assert out["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == name
    assert into["ingress"][0]["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == name
    assert into["podSelector"] == out["egress"][1]["to"][0]["podSelector"]


def test_a_service_is_told_which_of_its_stores_are_copies() -> None:
    """Where another region takes the writes; a store that all of them write is none."""
    landscape = land(BOTH)
    for site, expected in ((NORTH, set()), (SOUTH, {"db", "ledger", "persons"})):
        told = [
            one.path[1]
            for profile in landscape.services.values()
            for one in bind(profile, landscape, site)
            if one.path[2:] == ("follows",)
        ]
        assert set(told) == expected


def test_a_keyspace_has_a_name_that_cassandra_takes() -> None:
    """It knows no dashes, and the service is told what is made."""
    stores = {"click-stream": {"workload": "write-heavy", "engine": "cassandra"}}
    services = {"clicks": {"stores": ["click-stream"]}}
    landscape = land(stores=stores, services=services)
    text = built(landscape)["data/click-stream/externalsecret-roles.yaml"]["spec"]["target"]["template"]["data"]
    told = list(bind(landscape.services["clicks"], landscape, Site(environment="production", region="main")))
    [database] = [one.value for one in told if one.path == ("stores", "click-stream", "database")]
    assert database == "click_stream"
    assert f'CREATE KEYSPACE IF NOT EXISTS "{database}"' in text["roles.cql"]
