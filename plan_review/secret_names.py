"""Which names belong to secrets: DB_PASS, signingKey, api_token. Names of attributes and of environment variables."""

from __future__ import annotations

import re
from functools import lru_cache

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET_WORDS = frozenset(
    {
        *("password", "passwords", "passwd", "passwort", "passphrase", "passcode", "pass", "pwd", "pw"),
        *("secret", "secrets", "token", "tokens", "credential", "credentials", "creds", "cred", "auth", "bearer"),
        *("jwt", "dsn", "otp", "pat", "cookie", "salt", "apikey", "accesskey", "secretkey", "privatekey", "authkey"),
        *("connstr", "webhook"),
    }
)
# Run together with what stands before: DBPASS, PGPASSWORD.
_ENDINGS = ("password", "passwd", "pass", "secret", "token", "apikey")
_NO_PASSWORDS = frozenset({"bypass", "compass", "encompass", "overpass", "surpass", "trespass", "underpass"})
# What `tokens` is beside when it counts them, as settings of language models do.
_COUNTS = frozenset({"max", "min", "num", "number", "count", "limit", "new", "total"})
# Attributes whose last word is "key" and that hold a name, an address or a public value.
_PLAIN_KEYS = frozenset(
    {
        *("kms", "master", "public", "hash", "range", "sort", "partition", "primary", "foreign", "bucket", "object"),
        *(
            "s3",
            "cache",
            "tag",
            "metric",
            "dimension",
            "group",
            "route",
            "index",
            "lookup",
            "state",
            "artifact",
            "file",
        ),
    }
)
# What may stand behind the word that makes a name a secret's: API_KEY_2, SIGNING_KEY_OLD, SECRET_KEY_BASE.
_AFTER_KEY = frozenset({"old", "new", "previous", "current", "next", "base", "primary", "secondary", "backup", "b64"})


@lru_cache(maxsize=4096)
def is_secret_name(name: str, free: bool = False) -> bool:
    """Whether something of this name holds a secret.

    `free` says that people chose the name, as for environment variables: there a `*_KEY` of any kind is one, while an
    attribute such as `kms_key` holds an ARN.
    """
    words = [word.lower() for word in _WORDS.findall(name)]
    for index, word in enumerate(words):
        if word == "tokens" and _COUNTS.intersection(words):
            continue
        if word in _SECRET_WORDS or (word.endswith(_ENDINGS) and word not in _NO_PASSWORDS):
            return True
        if word in ("connection", "conn") and words[index + 1 : index + 2] in (["string"], ["str"]):
            return True
    while words and (words[-1] in _AFTER_KEY or words[-1].isdigit()):
        words.pop()
    if not words or words[-1] not in ("key", "keys"):
        return False
    if len(words) == 1:
        return free or name.isupper()
    return words[-2] not in _PLAIN_KEYS
