"""Where data lies on a site: its regions, its disks' class, and the object storage that keeps its backups."""

from typing import Any, Final

import msgspec

from fairway.core.artefact import Manifest, Site
from fairway.core.cluster import backups_of
from fairway.core.facts import Cloud, seconds
from fairway.core.labels import KEPT, metadata
from fairway.core.profile import Landscape, StoreProfile, regions_of
from fairway.core.secrets import external_secret, login

CLASS: Final = "fairway-encrypted"  # of disks; the cluster's default, so that no disk is without a key
KEYS_OF_STORAGE: Final = "object-storage"  # the Secret with its credentials, where no role of a cloud lets one in
AZURE_ACCOUNT: Final = 24  # characters that a storage account's name may have
# What the system's namespace asks of every container, and `only` of every Pod; operators are told that do not know.
RESTRICTED: Final[dict[str, Any]] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
APART: Final = {"topologyKey": "topology.kubernetes.io/zone"}


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """A bucket, and how it is reached."""

    cloud: Cloud
    region: str  # of the bucket
    bucket: str
    account: str = ""  # of Azure

    @property
    def url(self) -> str:
        """Give its address as backup tools write it."""
        if self.cloud == "azure":
            return f"https://{self.account}.blob.core.windows.net/{self.bucket}"
        return f"{'gs' if self.cloud == 'gcp' else 's3'}://{self.bucket}"


def regions(landscape: Landscape, site: Site) -> tuple[str, ...]:
    """Name the regions that the site's environment spans, the home region first."""
    environment = landscape.system.environments[site.environment]
    spanned = environment.regions or tuple(landscape.system.regions)
    return tuple(name for name in regions_of(landscape.system) if name in spanned) or spanned


def widest(landscape: Landscape) -> str:
    """Name the environment with the most regions, the first of them."""
    every = landscape.system.environments
    return max(every, key=lambda name: len(regions(landscape, Site(environment=name, region=""))))


def only(user: int) -> dict[str, Any]:
    """Run a Pod as one user without any rights."""
    users = {"runAsUser": user, "runAsGroup": user, "fsGroup": user}
    return {"runAsNonRoot": True, **users, "seccompProfile": {"type": "RuntimeDefault"}}


def home(landscape: Landscape, site: Site) -> str:
    """Name the region that takes writes."""
    return regions(landscape, site)[0]


def bucket(landscape: Landscape, site: Site, region: str = "") -> Backup:
    """Choose the bucket for backups of one region, the site's own unless named: in another region where there is one.

    Two regions keep each other's; so a region that takes over finds the backups beside it.
    """
    region = region or site.region
    every = regions_of(landscape.system)
    place = next((name for name in every if name != region), region)
    cloud = landscape.system.regions[place].cloud
    if landscape.system.regions[region].cloud != cloud:
        place, cloud = region, landscape.system.regions[region].cloud  # the role that lets one in is of one cloud
    system = landscape.system.system
    account = "".join(char for char in f"{system}{site.environment}{place}" if char.isalnum())[:AZURE_ACCOUNT]
    return Backup(
        cloud=cloud,
        region=place,
        bucket=backups_of(system, site.environment, region),
        account=account if cloud == "azure" else "",
    )


def cloud(landscape: Landscape, site: Site) -> Cloud:
    """Tell whose machines a site has."""
    return landscape.system.regions[site.region].cloud


def outside_mesh(landscape: Landscape) -> dict[str, str]:
    """Keep the mesh's proxies away from servers that do their own TLS and tell their users apart."""
    return {"sidecar.istio.io/inject": "false"} if landscape.mesh else {}


def described(landscape: Landscape, store: str, name: str = "", *, kept: bool = False) -> dict[str, Any]:
    """Describe an object of a store; its name is the store's unless given. *kept*: its data goes where it goes."""
    return metadata(landscape.system.system, store, name=name, annotations=KEPT if kept else None)


def manifest(  # noqa: PLR0913, PLR0917 - all that places an object
    rule: str, topic: str, store: str, file: str, obj: dict[str, Any], reasons: dict[Any, Any] | None = None
) -> Manifest:
    """Put an object into a file of its store's folder."""
    return Manifest(path=f"data/{store}/{file}.yaml", rule=rule, topic=topic, object=obj, reasons=reasons or {})


def storage_class(store: StoreProfile) -> str:
    """Name the class of a store's disks: one of its own where its data is regulated."""
    return own_class(store.name) if "regulated" in store.facts.data else CLASS


def own_class(place: str) -> str:
    """Name the class of disks that have a key of their own."""
    return f"{CLASS}-{place}"


def credentials(  # noqa: PLR0913 - all that such a Secret says
    landscape: Landscape, site: Site, store: str, service: str, name: str, *, schema: bool, labels: dict[str, str]
) -> dict[str, Any]:
    """Fetch one user's name and password of a store, as its operator reads them."""
    user, password = login(store, schema=schema)
    template = {"type": "kubernetes.io/basic-auth", "metadata": {"labels": labels}}
    entries = {"username": (service, user), "password": (service, password)}
    return external_secret(
        landscape, site, described(landscape, store, name), entries, refresh="15m", template=template
    )


def storage_keys(landscape: Landscape, site: Site) -> dict[str, Any]:
    """Fetch the credentials of the object storage, where no role of a cloud lets all engines in."""
    names = {"AWS_ACCESS_KEY_ID": "access-key-id", "AWS_SECRET_ACCESS_KEY": "secret-access-key"}
    if cloud(landscape, site) == "azure":
        names = {"AZURE_STORAGE_ACCOUNT_NAME": "account-name", "AZURE_STORAGE_ACCOUNT_KEY": "account-key"}
    entries = {key: ("backups", key) for key in names.values()}
    written = {key: f'{{{{ index . "{entry}" }}}}' for key, entry in names.items()}
    plain = {entry: f'{{{{ index . "{entry}" }}}}' for entry in names.values()}
    lines = ["[default]", *(f"{key.lower()} = {value}" for key, value in written.items()), ""]
    template = {"engineVersion": "v2", "data": {**written, **plain, "credentials": "\n".join(lines)}}
    described_as = described(landscape, "backups", KEYS_OF_STORAGE)
    return external_secret(landscape, site, described_as, entries, refresh="1h", template=template)


def longest(duration: str) -> str:
    """Write a duration in hours, as Kubernetes' own tools read it."""
    return f"{int(seconds(duration) // 3600)}h0m0s"
