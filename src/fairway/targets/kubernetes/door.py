"""Services that lead to one version of a service alone, while a release goes on: as its own, under another name."""

from collections.abc import Iterator

from fairway.core.artefact import Manifest
from fairway.core.labels import metadata
from fairway.core.parts import Attached, Release


def doors(system: str, attached: Attached, whole: Manifest) -> Iterator[Manifest]:
    """Copy the Service of all replicas for each door; whoever releases narrows each to its version's replicas."""
    for release in attached.all(Release):
        for door in release.doors:
            name = f"{attached.service}-{door}"
            annotations = whole.object["metadata"].get("annotations")
            yield Manifest(
                path=f"services/{attached.service}/service-{door}.yaml",
                service=attached.service,
                rule=release.rule,
                topic=release.topic,
                reasons=whole.reasons,
                object={
                    **whole.object,
                    "metadata": metadata(system, attached.service, name=name, annotations=annotations),
                },
            )
