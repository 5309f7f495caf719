"""The package's key: digests for looking secrets up, and seals for showing them again.

Losing the key kills every code and every return key, so it is backed up with the database.
"""

from __future__ import annotations

import base64
import hmac
import os
import secrets
from hashlib import sha256
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32


class KeyFileError(Exception):
    """The key cannot be used. `str()` says why and what to do."""


class FileKeyring:
    """The port `Keyring` over 256 bits of key, with a key of its own for each use (HKDF)."""

    def __init__(self, key: bytes):
        self._key = key
        self._digest_keys: dict[str, bytes] = {}
        self._fernet = Fernet(base64.urlsafe_b64encode(self._derive("seal")))

    @classmethod
    def from_text(cls, text: str) -> FileKeyring:
        """From the text of a key file or of the environment. Raises `KeyFileError`."""
        try:
            key = base64.urlsafe_b64decode(text.strip().encode())
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise KeyFileError(
                "The communities key is damaged: it must be the 44 characters that "
                "`jupyterhub-communities init` wrote. Restore it from your backup."
            )
        return cls(key)

    @classmethod
    def from_file(cls, path: Path) -> FileKeyring:
        """Raises `KeyFileError` for a file that is missing, damaged or open to others."""
        try:
            mode = path.stat().st_mode
            text = path.read_text(encoding="ascii")
        except FileNotFoundError as error:
            raise KeyFileError(
                f"There is no key at {path}. Restore it from your backup, or make one on a new hub "
                "with: jupyterhub-communities init"
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise KeyFileError(f"The key at {path} cannot be read: {error}") from error
        if mode & 0o077:
            raise KeyFileError(f"The key at {path} is open to others. Run: chmod 600 {path}")
        return cls.from_text(text)

    def digest(self, purpose: str, secret: str) -> str:
        key = self._digest_keys.get(purpose)
        if key is None:
            key = self._digest_keys[purpose] = self._derive(f"digest {purpose}")
        return hmac.new(key, secret.encode(), sha256).hexdigest()

    def seal(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode("ascii")

    def unseal(self, sealed: str) -> str:
        try:
            return self._fernet.decrypt(sealed.encode("ascii")).decode()
        except InvalidToken as error:
            raise ValueError("sealed with another key") from error

    def _derive(self, use: str) -> bytes:
        hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"communities {use}".encode())
        return hkdf.derive(self._key)


def make_key_file(path: Path) -> None:
    """Writes a new key, readable by its owner only. Raises `FileExistsError` where one is."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n")
