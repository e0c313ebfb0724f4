"""What a service in a cluster is told: its binding as a key of its ConfigMap."""

import msgspec

from fairway.core.cluster import SOCKETS
from fairway.core.parts import Setting
from fairway.targets.notes import binding_text
from fairway_sdk.contract import ADMIN_PORT, BINDING_FILE, GRPC_PORT, REST_PORT
from fairway_sdk.contract.binding import Binding, Listen

# A pod has a network of its own: its policies, not its addresses, say who reaches these ports.
LISTEN = Listen(rest=f"0.0.0.0:{REST_PORT}", grpc=f"0.0.0.0:{GRPC_PORT}", admin=f"0.0.0.0:{ADMIN_PORT}")


def told(binding: Binding) -> Setting:
    """Write a binding as a setting of its service; in a pod it listens on every address.

    Where a proxy of its own has its ports, it listens on sockets, and finds the services it calls at others.
    """
    here = msgspec.structs.replace(binding, listen=LISTEN)
    if binding.listen.rest.startswith("unix:"):
        calls = {
            callee: msgspec.structs.replace(call, address=f"unix:{SOCKETS}/to-{callee}.sock") if call.internal else call
            for callee, call in binding.calls.items()
        }
        here = msgspec.structs.replace(
            binding, listen=msgspec.structs.replace(binding.listen, admin=LISTEN.admin), calls=calls
        )
    return Setting(
        service=binding.service,
        rule="orchestration/configmaps-and-secrets",
        name=BINDING_FILE,
        value=binding_text(here),
    )
