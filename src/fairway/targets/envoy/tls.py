"""Mutual TLS between identities: who shows which certificate, and whose is accepted."""

from collections.abc import Iterable, Mapping

from fairway.targets.envoy.fields import Resource, named, typed, watched
from fairway.targets.envoy.places import TRUSTED, Picture

TLS = "envoy.extensions.transport_sockets.tls.v3"
ONLY_1_3 = {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"}


def accepting(picture: Picture, account: str, alpn: Iterable[str] = ()) -> Resource:
    """Ask every client for a certificate of this system; who of them may do what is the access list's to say."""
    peers = {"prefix": picture.trusted_prefix}
    return named(
        "envoy.transport_sockets.tls",
        f"{TLS}.DownstreamTlsContext",
        require_client_certificate=True,
        common_tls_context=_context(picture, account, peers, alpn),
    )


def connecting(picture: Picture, account: str, peer: str, alpn: Iterable[str] = ()) -> Resource:
    """Show our certificate, and go on only where the other side's names exactly `peer`."""
    context = _context(picture, account, {"exact": peer}, alpn)
    return named("envoy.transport_sockets.tls", f"{TLS}.UpstreamTlsContext", common_tls_context=context)


def certificate(name: str, chain: str, key: str) -> Resource:
    """Write a certificate and its key, inline: Envoy reads a file it only points to no second time."""
    told = {"certificate_chain": {"inline_string": chain}, "private_key": {"inline_string": key}}
    return typed(f"{TLS}.Secret", name=name, tls_certificate=told)


def authorities(bundle: str) -> Resource:
    """Write the authorities whose certificates are accepted."""
    return typed(f"{TLS}.Secret", name=TRUSTED, validation_context={"trusted_ca": {"inline_string": bundle}})


def secret_files(leaves: Mapping[str, tuple[str, str]], bundle: str) -> dict[str, list[Resource]]:
    """Write every secret into a file of its own: by account, the chain and the key; and the authorities."""
    files = {_file(account): [certificate(account, *leaf)] for account, leaf in leaves.items()}
    return {**files, _file(TRUSTED): [authorities(bundle)]}


def _context(picture: Picture, account: str, peers: Resource, alpn: Iterable[str]) -> Resource:
    accepted = {"match_typed_subject_alt_names": [{"san_type": "URI", "matcher": peers}]}
    return {
        "tls_params": ONLY_1_3,
        "alpn_protocols": list(alpn),
        "tls_certificate_sds_secret_configs": [_secret(picture, account)],
        "combined_validation_context": {
            "default_validation_context": accepted,
            "validation_context_sds_secret_config": _secret(picture, TRUSTED),
        },
    }


def _secret(picture: Picture, name: str) -> Resource:
    return {"name": name, "sds_config": watched(picture.proxy.folder, _file(name))}


def _file(name: str) -> str:
    return f"sds-{name}.json"
