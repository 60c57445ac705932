"""The vault: what secrets are sealed with before they go into the store.

The key is in a file of its own, so that a copy of the store's file does not tell them. See
`docs/decisions/0018-secrets-are-sealed.md`.
"""

import base64
import os
from dataclasses import dataclass, replace
from pathlib import Path

from pgstream.catalog.objects import CatalogObject
from pgstream.catalog.shared import Secret
from pgstream.errors import ConfigFileError
from pgstream.world import World

KEY_FILE = "secrets.key"
KEY_BYTES = 32
NONCE_BYTES = 12


@dataclass(slots=True)
class Vault:
    """Seals with AES-256 in GCM, by the key in `path`, which is made when the first secret is."""

    path: Path
    world: World
    _key: bytes | None = None

    def seal(self, oid: int, value: str) -> str:
        """`value` as the store keeps it; it can only be opened as what belongs to `oid`."""
        key = self._key or self._found() or self._made()
        nonce = self.world.random_bytes(NONCE_BYTES)
        return base64.b64encode(nonce + _cipher(key).encrypt(nonce, value.encode(), b"%d" % oid)).decode()

    def opened(self, thing: CatalogObject) -> CatalogObject:
        """`thing` as it was read from the store; a secret with its value, if the key is the one it was sealed with."""
        if not isinstance(thing, Secret):
            return thing
        from cryptography.exceptions import InvalidTag

        key = self._key or self._found()
        if key is None:
            return thing
        sealed = base64.b64decode(thing.sealed)
        nonce, content = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return replace(thing, value=_cipher(key).decrypt(nonce, content, b"%d" % thing.oid).decode())
        except InvalidTag:
            return thing

    def _found(self) -> bytes | None:
        """The key of the file, if there is one. Raises ConfigFileError for one that holds none."""
        try:
            key = base64.b64decode(self.path.read_text().strip(), validate=True)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigFileError(f"cannot read the key of secrets in {self.path}: {error.strerror}") from None
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise ConfigFileError(f"{self.path} holds no key of secrets", hint="Make one with: openssl rand -base64 32")
        self._key = key
        return key

    def _made(self) -> bytes:
        """A new key, durable before anything is sealed with it."""
        key = self.world.random_bytes(KEY_BYTES)
        try:
            file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(file, "wb") as out:  # noqa: PTH123  a descriptor
                out.write(base64.b64encode(key) + b"\n")
                out.flush()
                os.fsync(file)
            folder = os.open(self.path.parent, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
        except OSError as error:
            raise ConfigFileError(f"cannot write the key of secrets to {self.path}: {error.strerror}") from None
        self._key = key
        return key


def _cipher(key: bytes) -> "AESGCM":  # type: ignore[name-defined]  # noqa: F821
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)
