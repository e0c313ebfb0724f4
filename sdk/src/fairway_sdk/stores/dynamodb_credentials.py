"""Credentials of DynamoDB that follow the files of the secrets."""

from botocore.credentials import CredentialProvider, Credentials, ReadOnlyCredentials

from fairway_sdk.configuration.secrets import Secrets
from fairway_sdk.contract.binding import Store


class FileCredentials(Credentials):
    """An access key whose id and secret are what the files say when a request is signed."""

    def __init__(self, bound: Store, secrets: Secrets) -> None:
        self._bound = bound
        self._secrets = secrets
        now = self.get_frozen_credentials()
        super().__init__(now.access_key or "", now.secret_key or "", method="fairway")

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Read both now; the signing of each request asks here."""
        bound = self._bound
        user = self._secrets.text(bound.user_secret) if bound.user_secret else bound.user
        return ReadOnlyCredentials(user, self._secrets.text(bound.password_secret), None)


def provider(bound: Store, secrets: Secrets) -> CredentialProvider:
    """Give the link of the client's chain that finds these credentials."""

    class Provider(CredentialProvider):
        METHOD = "fairway"
        CANONICAL_NAME = "fairway"

        def load(self) -> Credentials:
            return FileCredentials(bound, secrets)

    return Provider()
