"""Encryption of a workspace's event texts, compatible with the app's byte for byte.

AES-256-GCM under the workspace's own key, which is stored wrapped under a key derived from the
installation's master key. Pure: chance is an argument. Invariant: no error and no repr holds a key
or a text; a key that cannot be unwrapped is the same as none.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

TITLE_BYTES: Final = 161
DESCRIPTION_BYTES: Final = 7472
LOCATION_BYTES: Final = 722
"""UTF-8 bytes of plaintext whose ciphertext still fits the table."""

_SALT: Final = b"workspace-key-salt"
_NONCE_BYTES: Final = 12
_KEY_BYTES: Final = 32


@dataclasses.dataclass(frozen=True, slots=True)
class WorkspaceCipher:
    """Turns texts of one workspace into what its rows hold, and back.

    Attributes:
        random_bytes: Gives that many unpredictable bytes; a nonce must never repeat.
    """

    _aead: AESGCM = dataclasses.field(repr=False)
    random_bytes: Callable[[int], bytes] = dataclasses.field(repr=False)

    def encrypt(self, text: str) -> str:
        """The text as a row holds it; the empty text stays empty.

        The caller cuts the text to its budget first: ciphertext must not be cut.
        """
        if not text:
            return text
        nonce = self.random_bytes(_NONCE_BYTES)
        sealed = self._aead.encrypt(nonce, text.encode(errors="replace"), None)
        return base64.b64encode(nonce + sealed).decode("ascii")

    def decrypt(self, text: str) -> str | None:
        """The plain text, or None if this is not a text that this key encrypted."""
        if not text:
            return text
        plain = _open(self._aead, text)
        try:
            return None if plain is None else plain.decode()
        except UnicodeDecodeError:
            return None


def unwrap(
    master_key: str, encrypted_key: str, random_bytes: Callable[[int], bytes]
) -> WorkspaceCipher | None:
    """The cipher of a workspace, or None if its key does not open with this master key.

    Deriving the wrapping key takes about 50 ms on purpose: call it once per run.

    Args:
        master_key: As the app's environment holds it; space around it does not count.
        encrypted_key: The workspace's stored key, wrapped and in base64.
        random_bytes: For the nonces of what will be encrypted.
    """
    master = master_key.strip()
    if not master:
        return None
    derived = Scrypt(salt=_SALT, length=_KEY_BYTES, n=16384, r=8, p=1).derive(master.encode())
    key = _open(AESGCM(derived), encrypted_key.strip())
    if key is None or len(key) != _KEY_BYTES:
        return None
    return WorkspaceCipher(AESGCM(key), random_bytes)


def cut(text: str, budget: int) -> str:
    """As much of the text, from its beginning, as fits that many UTF-8 bytes whole."""
    encoded = text.encode(errors="replace")
    return text if len(encoded) <= budget else encoded[:budget].decode(errors="ignore")


def _open(aead: AESGCM, text: str) -> bytes | None:
    try:
        sealed = base64.b64decode(text, validate=True)
        return aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
    except (binascii.Error, InvalidTag, ValueError):
        return None
