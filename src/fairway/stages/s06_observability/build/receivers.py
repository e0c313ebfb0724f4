"""Who is told of an alert: routes by owner, receivers from what the facts say of each, and no secret among them."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from fairway.core.artefact import Manifest, Site
from fairway.core.cluster import ALERTMANAGER
from fairway.core.profile import Landscape
from fairway.core.secrets import external_secret
from fairway.stages.s06_observability.build import placing
from fairway.stages.s06_observability.decisions import system
from fairway.stages.s06_observability.decisions.system import AlertDelivery

RULE: Final = "alerts"
SECRET: Final = "alertmanager-receivers"  # noqa: S105 - a name
FOLDER: Final = f"/etc/alertmanager/secrets/{SECRET}"
SLACK: Final = "slack-url"
MAIL: Final = "mail-password"
UNOWNED: Final = "nobody"
TITLE: Final = "[{{ .Status | toUpper }}] {{ .CommonLabels.severity }}: {{ .CommonAnnotations.summary }}"
TEXT: Final = (
    "{{ range .Alerts }}{{ .Annotations.description }}\n"
    "Runbook: {{ .Annotations.runbook_url }}\nDashboard: {{ .Annotations.dashboard_url }}\n{{ end }}"
)


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """How one owner is told."""

    owner: str
    by: str  # slack, mail, url, or hook: an address that is a secret
    to: str

    @property
    def secret(self) -> str:
        """Name the key of the secret that this way needs; empty where it needs none."""
        return {"slack": SLACK, "mail": MAIL, "url": ""}.get(self.by, f"{self.owner}-url")


def reached(delivery: AlertDelivery) -> Iterator[Reached]:
    """Read from the facts how each owner is told: #channel, name@host, an address of the web, or a secret one."""
    for owner, said in sorted(delivery.owners.items()):
        if said.startswith("#"):
            yield Reached(owner=owner, by="slack", to=said)
        elif "@" in said.strip("@") and " " not in said:
            yield Reached(owner=owner, by="mail", to=said)
        elif said.startswith(("http://", "https://")):
            yield Reached(owner=owner, by="url", to=said)
        else:
            yield Reached(owner=owner, by="hook", to=said)


def manifests(landscape: Landscape, site: Site) -> Iterator[Manifest]:
    """Build the routes as an object of the operator, and the secret that they need."""
    decided = system.alert_delivery(landscape)
    ways = tuple(reached(decided.value))
    config = {
        "apiVersion": "monitoring.coreos.com/v1alpha1",
        "kind": "AlertmanagerConfig",
        "metadata": placing.described(landscape, ALERTMANAGER),
        "spec": {
            "route": _route(decided.value, ways),
            "receivers": [{"name": UNOWNED}, *(_receiver(landscape, way) for way in ways)],
            "inhibitRules": [
                {
                    "sourceMatch": [_is("severity", "page")],
                    "targetMatch": [_is("severity", "ticket")],
                    "equal": ["service", "alertname"],
                }
            ],
        },
    }
    yield placing.manifest(RULE, decided.topic, "alertmanagerconfig", config)
    keys = sorted({way.secret for way in ways} - {""})
    if keys:
        secret = external_secret(
            landscape,
            site,
            placing.described(landscape, ALERTMANAGER, SECRET),
            {key: ("observability", key) for key in keys},
            refresh="1h",
        )
        yield placing.manifest(RULE, decided.topic, f"externalsecret-{SECRET}", secret)


def plain(landscape: Landscape) -> dict[str, Any]:
    """Give the same routes as a configuration file of Alertmanager: for amtool, and for a system on one machine."""
    delivery = system.alert_delivery(landscape).value
    ways = tuple(reached(delivery))
    page, ticket = ('severity="page"',), ('severity="ticket"',)
    routes = [
        {
            "receiver": way.owner,
            "matchers": [f'owner="{way.owner}"'],
            "routes": [
                {"matchers": [f'severity="{severity}"'], "repeat_interval": after}
                for severity, after in delivery.repeat.items()
            ],
        }
        for way in ways
    ]
    return {
        "route": {
            "receiver": UNOWNED,
            "group_by": list(delivery.group_by),
            "group_wait": delivery.group_wait,
            "group_interval": "5m",
            "routes": routes,
        },
        "inhibit_rules": [
            {"source_matchers": list(page), "target_matchers": list(ticket), "equal": ["service", "alertname"]}
        ],
        "receivers": [{"name": UNOWNED}, *(_plain_receiver(landscape, way) for way in ways)],
    }


def _route(delivery: AlertDelivery, ways: tuple[Reached, ...]) -> dict[str, Any]:
    return {
        "receiver": UNOWNED,
        "groupBy": list(delivery.group_by),
        "groupWait": delivery.group_wait,
        "groupInterval": "5m",
        "routes": [
            {
                "receiver": way.owner,
                "matchers": [_is("owner", way.owner)],
                "routes": [
                    {"receiver": way.owner, "matchers": [_is("severity", severity)], "repeatInterval": after}
                    for severity, after in delivery.repeat.items()
                ],
            }
            for way in ways
        ],
    }


def _is(label: str, value: str) -> dict[str, str]:
    return {"name": label, "value": value, "matchType": "="}


def _receiver(landscape: Landscape, way: Reached) -> dict[str, Any]:
    key = {"name": SECRET, "key": way.secret}
    one: dict[str, Any]
    match way.by:
        case "slack":
            one = {"slackConfigs": [{"apiURL": key, "channel": way.to, "title": TITLE, "text": TEXT, **_RESOLVED}]}
        case "mail":
            mail = {**_mail(landscape, way), "authPassword": key}
            one = {
                "emailConfigs": [{**mail, "headers": [{"key": "Subject", "value": TITLE}], "text": TEXT, **_RESOLVED}]
            }
        case "url":
            one = {"webhookConfigs": [{"url": way.to, **_RESOLVED}]}
        case _:
            one = {"webhookConfigs": [{"urlSecret": key, **_RESOLVED}]}
    return {"name": way.owner, **one}


_RESOLVED: Final = {"sendResolved": True}


def _mail(landscape: Landscape, way: Reached) -> dict[str, str]:
    """Send through the mail host of the owner's own domain, as the system's account there."""
    domain = way.to.rpartition("@")[2]
    sender = f"{landscape.system.system}-alerts@{domain}"
    return {"to": way.to, "from": sender, "smarthost": f"smtp.{domain}:587", "authUsername": sender}


def _plain_receiver(landscape: Landscape, way: Reached) -> dict[str, Any]:
    file, told = f"{FOLDER}/{way.secret}", {"send_resolved": True}
    match way.by:
        case "slack":
            slack = {"api_url_file": file, "channel": way.to, "title": TITLE, "text": TEXT}
            return {"name": way.owner, "slack_configs": [{**slack, **told}]}
        case "mail":
            mail = _mail(landscape, way)
            mail["auth_username"] = mail.pop("authUsername")
            headers = {"Subject": TITLE}
            password = {"auth_password_file": file}
            return {
                "name": way.owner,
                "email_configs": [{**mail, **password, "headers": headers, "text": TEXT, **told}],
            }
        case "url":
            return {"name": way.owner, "webhook_configs": [{"url": way.to, **told}]}
    return {"name": way.owner, "webhook_configs": [{"url_file": file, **told}]}
