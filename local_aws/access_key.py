"""The access key of one run of the local AWS, and which other keys its gateway takes.

Each start makes a new key. `python -m local_aws env` prints it; DIRECTORY/running.json, which only its owner can read,
holds it. Besides it, the gateway takes the keys that the account itself has issued (IAM users, assumed roles).
"""

import base64
import hashlib
import hmac
import secrets
import sys
from dataclasses import dataclass, field
from typing import Self

from .account import ACCOUNT_ID

_ID_BYTES = 10
_SECRET_BYTES = 30


@dataclass(frozen=True)
class AccessKey:
    """Credentials in AWS's form: 20 upper-case letters and digits, and 40 characters."""

    id: str
    secret: str = field(repr=False)

    @classmethod
    def generate(cls) -> Self:
        """A new key with 80 random bits in its id. Its prefix is not AWS's: nobody takes it for a leaked one."""
        key_id = f"LKIA{base64.b32encode(secrets.token_bytes(_ID_BYTES)).decode()}"
        return cls(key_id, base64.urlsafe_b64encode(secrets.token_bytes(_SECRET_BYTES)).decode())

    def authorization(self) -> str:
        """The `Authorization` header (HTTP Basic) of the local AWS's own pages: key id as user, secret as password."""
        return f"Basic {base64.b64encode(f'{self.id}:{self.secret}'.encode()).decode()}"


class KeyRing:
    """Decides which keys are right. Comparisons take the same time whatever is wrong."""

    def __init__(self, own: AccessKey) -> None:
        self._own = own

    def secret(self, key_id: str) -> str | None:
        """The secret access key of a key that the account has, None of any other."""
        keys = [self._own, *_issued_keys()]
        return next((key.secret for key in keys if _same(key_id, key.id)), None)

    def accepts_authorization(self, header: str) -> bool:
        """Whether an `Authorization` header opens the local AWS's own pages: see `AccessKey.authorization`."""
        return _same(header, self._own.authorization())

    def token_for(self, purpose: str) -> str:
        """A secret for one purpose, for example a blob's download URL; it reveals neither the key nor other tokens."""
        return hmac.new(self._own.secret.encode(), purpose.encode(), hashlib.sha256).hexdigest()

    def accepts_token(self, token: str, purpose: str) -> bool:
        return _same(token, self.token_for(purpose))


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), right.encode())


def _issued_keys() -> list[AccessKey]:
    """Keys that moto's IAM and STS have issued. Its module is not imported for this: it takes a second."""
    found: list[AccessKey] = []
    iam = sys.modules.get("moto.iam.models")
    if iam is not None:
        for backend in list(iam.iam_backends[ACCOUNT_ID].values()):
            found += [
                AccessKey(key.access_key_id, key.secret_access_key)
                for key in list(backend.access_keys.values())
                if key.status == "Active"
            ]
    return found
