"""Find and read the binding and the folders of values and secrets that a service was started with."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path

import msgspec

from fairway_sdk import contract
from fairway_sdk.configuration.secrets import Secrets
from fairway_sdk.configuration.values import Values
from fairway_sdk.contract.binding import Binding
from fairway_sdk.errors import SetupError


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """Where a service stands: its binding, its live values, its secrets."""

    binding: Binding
    values: Values
    secrets: Secrets


def placement(service: str, environment: Mapping[str, str] | None = None) -> Placement:
    """Read what the deployment left for a service.

    Without a binding file the service stands alone: on loopback, with no calls, no stores and no broker.
    A `SetupError` names every fault at once: a file that cannot be read, another service's binding, missing secrets.
    """
    variables = os.environ if environment is None else environment
    values = Values(Path(variables.get(contract.CONFIGURATION_VARIABLE, contract.CONFIGURATION_FOLDER)), variables)
    if contract.CONFIGURATION_VARIABLE in variables and not values.folder.is_dir():
        raise SetupError(f"{values.folder}: is no folder. Let {contract.CONFIGURATION_VARIABLE} name one.")
    secrets = Secrets(Path(variables.get(contract.SECRETS_VARIABLE, contract.SECRETS_FOLDER)))
    binding = read_binding(values.folder / contract.BINDING_FILE, service)
    check(binding, secrets)
    return Placement(binding=binding, values=values, secrets=secrets)


def read_binding(file: Path, service: str) -> Binding:
    """Read a binding file; without one, the binding of a service that stands alone."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return Binding(service=service)
    except OSError as error:
        raise SetupError(f"{file}: cannot be read: {error.strerror}. Let the service's user read it.") from error
    try:
        binding = msgspec.json.decode(content, type=Binding)
    except msgspec.DecodeError as error:
        raise SetupError(f"{file}: {error}. Render it again with the fairway that fits this SDK.") from error
    if binding.service != service:
        raise SetupError(
            f"{file}: binds service '{binding.service}', and this is '{service}'. Give Service() the name in the facts."
        )
    return binding


def check(binding: Binding, secrets: Secrets) -> None:
    """Raise a `SetupError` with a line for each secret that the binding asks for and that cannot be used."""
    faults = [fault for name in wanted_secrets(binding) if (fault := secrets.fault(name))]
    if faults:
        raise SetupError("\n".join(faults))


def wanted_secrets(binding: Binding) -> tuple[str, ...]:
    """Name every secret that a binding asks for: the declared ones, and credentials of stores, broker and keys."""
    credentials = [
        name for store in binding.stores.values() for name in (store.user_secret, store.password_secret) if name
    ]
    if binding.broker:
        credentials += [name for name in (binding.broker.user_secret, binding.broker.password_secret) if name]
    if binding.personal:
        credentials.append(binding.personal.master_key_secret)
    return tuple(dict.fromkeys((*binding.secrets, *credentials)))


def replica_name(binding: Binding) -> str:
    """Name this process among its siblings: what the binding says, else its host and number."""
    return binding.replica or f"{socket.gethostname()}-{os.getpid()}"
