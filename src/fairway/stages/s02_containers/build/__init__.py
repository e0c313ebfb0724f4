"""What containers builds: images and how they are made, secrets brought in from a manager, sidecars."""

from fairway.stages.s02_containers.build.images import pages
from fairway.stages.s02_containers.build.objects import manifests, parts

__all__ = ("manifests", "pages", "parts")
