"""What security tells the proxies around a service: who it is, and who may call it."""

from collections.abc import Iterator

from fairway.core.artefact import Site
from fairway.core.parts import Carry
from fairway.core.profile import Landscape, Profile
from fairway.stages.s07_security.decisions.identity import identity
from fairway.stages.s07_security.decisions.network import may_be_called_by


def carry(profile: Profile, landscape: Landscape, site: Site) -> Iterator[Carry]:
    """Tell its identity and its callers; anybody else is refused."""
    del landscape, site
    own, peers = identity(profile), may_be_called_by(profile)
    callers = [peer.name for peer in peers.value if peer.kind == "service"]
    yield Carry(service=profile.name, rule=own.rule, topic=own.topic, path=("identity",), value=own.value.spiffe)
    yield Carry(service=profile.name, rule=peers.rule, topic=peers.topic, path=("callers",), value=callers)
