"""Seals secrets for the row they belong to, and opens them. The only file that knows keys; it knows no SQL.

The format is Tink's AES256_GCM: 0x01, key id (4 bytes, big endian), nonce (12), ciphertext, tag (16). The
associated data is a JSON list, because joined text is ambiguous. https://developers.google.com/tink/wire-format
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import tink
from tink import aead, json_proto_keyset_format, secret_key_access

from bot.store.refused import StoreRefused

KEY_ID = slice(1, 5)
ASSOCIATED_DATA_VERSION = 1


class SecretUnreadable(Exception):
    """This sealed text is another row's, was changed, or its key is gone. Never holds any of it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a secret stands. Sealed for one place, it opens at no other.

    `version` is the secret's own: it rises with each writing of the secret and with nothing else.
    """

    table: str
    row: int
    owner: int
    provider: str
    field: str
    version: int = 1

    def associated_data(self) -> bytes:
        place = (self.table, self.row, self.owner, self.provider, self.field, self.version)
        return json.dumps([ASSOCIATED_DATA_VERSION, *place], separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class KeysetFile:
    """The keys, in a file of their own that is readable by us alone and is not kept with the database."""

    path: Path

    def make(self) -> None:
        """Write a new keyset. Raises FileExistsError where there is one: a key is never written over."""
        aead.register()
        handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
        text = json_proto_keyset_format.serialize(handle, secret_key_access.TOKEN)
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        # Without this a power cut could keep the database and lose the name of its only key.
        folder = os.open(self.path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)

    def read(self) -> Keys:
        """Raises StoreRefused where the file is missing, too open, or no keyset."""
        try:
            mode = self.path.stat().st_mode
            text = self.path.read_text()
        except OSError as error:
            raise StoreRefused(f"The key file {self.path} cannot be read: {error.strerror}.") from error
        if mode & 0o077:
            raise StoreRefused(f"Others may read the key file {self.path}. Mend it with: chmod 600 {self.path}")
        aead.register()
        try:
            handle = json_proto_keyset_format.parse(text, secret_key_access.TOKEN)
            ids = frozenset(key.key_id for key in handle.keyset_info().key_info)
            return Keys(primitive=handle.primitive(aead.Aead), ids=ids)
        except tink.TinkError:
            # The cause is left out: it may quote the file.
            raise StoreRefused(f"The key file {self.path} is not a keyset, or it is damaged.") from None

    def refuse_beside(self, database: Path) -> None:
        """Raises StoreRefused where whoever copies the database's folder would have the keys too."""
        if self.path.resolve().parent == database.resolve().parent:
            raise StoreRefused(f"The key file {self.path} is in the database's folder. Move it to another one.")


@dataclass(frozen=True, slots=True)
class Keys:
    """A keyset in use. Tink's primitive shows no key in its repr and may be used by many threads."""

    primitive: Any
    ids: frozenset[int]


class Vault:
    """Seals with the first key of the file, opens with any. Tells of failure by SecretUnreadable only."""

    def __init__(self, source: KeysetFile) -> None:
        self._source = source
        self._keys = source.read()
        self._reading = Lock()

    def seal(self, place: Place, text: str) -> bytes:
        sealed: bytes = self._keys.primitive.encrypt(text.encode(), place.associated_data())
        return sealed

    def open(self, place: Place, blob: bytes) -> str:
        try:
            opened: bytes = self._keys_for(blob).primitive.decrypt(blob, place.associated_data())
        except (tink.TinkError, StoreRefused):
            raise SecretUnreadable(f"{place.table} {place.row}: {place.field}") from None
        return opened.decode()

    def _keys_for(self, blob: bytes) -> Keys:
        """An unknown key id may be that of a key added since: the file is read again, once for each text."""
        key_id = int.from_bytes(blob[KEY_ID], "big")
        with self._reading:
            if key_id not in self._keys.ids:
                self._keys = self._source.read()
            return self._keys
