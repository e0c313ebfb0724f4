"""What a service in a cluster is told: its binding as a key of its ConfigMap."""

import msgspec

from fairway.core.parts import Setting
from fairway.targets.notes import binding_text
from fairway_sdk.contract import ADMIN_PORT, BINDING_FILE, GRPC_PORT, REST_PORT
from fairway_sdk.contract.binding import Binding, Listen

# A pod has a network of its own: its policies, not its addresses, say who reaches these ports.
LISTEN = Listen(rest=f"0.0.0.0:{REST_PORT}", grpc=f"0.0.0.0:{GRPC_PORT}", admin=f"0.0.0.0:{ADMIN_PORT}")


def told(binding: Binding) -> Setting:
    """Write a binding as a setting of its service; in a pod it listens on every address."""
    return Setting(
        service=binding.service,
        rule="orchestration/configmaps-and-secrets",
        name=BINDING_FILE,
        value=binding_text(msgspec.structs.replace(binding, listen=LISTEN)),
    )
