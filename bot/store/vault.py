"""Seals secrets for the row they belong to, and opens them. The only file that knows keys; it knows no SQL.

The format is Tink's AES256_GCM: 0x01, key id (4 bytes, big endian), nonce (12), ciphertext, tag (16). The
associated data is a JSON list, because joined text is ambiguous. https://developers.google.com/tink/wire-format
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkstemp
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
class Key:
    """A key of the file, without the key itself. The `primary` one seals, every `enabled` one opens."""

    id: int
    primary: bool
    enabled: bool


@dataclass(frozen=True, slots=True)
class KeysetFile:
    """The keys, in a file of their own that is readable by us alone and is not kept with the database."""

    path: Path

    def make(self) -> None:
        """Write a new keyset. Raises FileExistsError where there is one: a key is never written over."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        _write(descriptor, _new_keyset())
        # Without this a power cut could keep the database and lose the name of its only key.
        keep_names(self.path.parent)

    def keys(self) -> tuple[Key, ...]:
        """In the order in which they were added. Raises StoreRefused as `read` does."""
        self.read()
        keyset = json.loads(self.path.read_text())
        primary = keyset["primaryKeyId"]
        return tuple(
            Key(id=key["keyId"], primary=key["keyId"] == primary, enabled=key["status"] == "ENABLED")
            for key in keyset["key"]
        )

    def add(self) -> int:
        """One more key, which opens and does not seal yet. Gives its id."""
        with self._changed() as keyset:
            taken, added = {key["keyId"] for key in keyset["key"]}, json.loads(_new_keyset())
            while added["primaryKeyId"] in taken:
                added = json.loads(_new_keyset())
            keyset["key"] += added["key"]
        return int(added["primaryKeyId"])

    def promote(self, id: int) -> None:
        """From now on this one seals. Whoever has the file open finds out at the next thing that is sealed."""
        with self._changed() as keyset:
            keyset["primaryKeyId"] = id

    def remove_others(self, id: int) -> None:
        """What the others have sealed opens no more."""
        with self._changed() as keyset:
            keyset["key"] = [key for key in keyset["key"] if key["keyId"] == id]

    @contextmanager
    def _changed(self) -> Iterator[dict[str, Any]]:
        """The file as it was or as it is afterwards, whatever cuts this short."""
        self.read()
        keyset = json.loads(self.path.read_text())
        yield keyset
        for left in self.path.parent.glob(f".{self.path.name}.*"):
            # Of a change that was cut short. It holds keys.
            left.unlink()
        try:
            descriptor, name = mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        except OSError as error:
            raise StoreRefused(f"The folder of {self.path} cannot be written: {error.strerror}.") from error
        try:
            _write(descriptor, json.dumps(keyset))
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        keep_names(self.path.parent)

    def read(self) -> Keys:
        """Raises StoreRefused where the file is missing, too open, or no keyset."""
        try:
            mode = self.path.stat().st_mode
            text = self.path.read_text()
        except OSError as error:
            raise StoreRefused(f"The key file {self.path} cannot be read: {error.strerror}.") from error
        if mode & 0o077:
            raise StoreRefused(f"Others may read the key file {self.path}. Mend it with: chmod 600 {self.path}")
        _register()
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
    """Seals with the primary key of the file, opens with any. Tells of failure by SecretUnreadable only.

    What is sealed inside a transaction that writes is sealed with the key that was primary when that began, or a
    later one: so that a rotation knows, once it has had the only such transaction, that nothing more comes with an
    old key.
    """

    def __init__(self, source: KeysetFile) -> None:
        self._source = source
        self._seen = _state(source.path)
        self._keys = source.read()
        self._reading = Lock()

    def seal(self, place: Place, text: str) -> bytes:
        sealed: bytes = self._newest().primitive.encrypt(text.encode(), place.associated_data())
        return sealed

    def open(self, place: Place, blob: bytes) -> str:
        try:
            opened: bytes = self._keys_for(blob).primitive.decrypt(blob, place.associated_data())
        except (tink.TinkError, StoreRefused):
            raise SecretUnreadable(f"{place.table} {place.row}: {place.field}") from None
        return opened.decode()

    def _keys_for(self, blob: bytes) -> Keys:
        """An unknown key id may be that of a key added since: the file is read again, once for each text."""
        with self._reading:
            if key_of(blob) not in self._keys.ids:
                self._keys = self._source.read()
            return self._keys

    def _newest(self) -> Keys:
        """A file that was replaced is read again. One that is gone or damaged leaves us the keys that we have."""
        with self._reading:
            state = _state(self._source.path)
            if state != self._seen:
                with suppress(StoreRefused):
                    self._keys = self._source.read()
                    self._seen = state
            return self._keys


def key_of(blob: bytes) -> int:
    """The id of the key that sealed this: a hint, which nothing vouches for."""
    return int.from_bytes(blob[KEY_ID], "big")


def keep_names(folder: Path) -> None:
    """What was made or renamed in the folder outlives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@cache
def _register() -> None:
    """Tink asks for this before anything else. Once is enough, and it is slow."""
    aead.register()


def _new_keyset() -> str:
    _register()
    handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
    text: str = json_proto_keyset_format.serialize(handle, secret_key_access.TOKEN)
    return text


def _write(descriptor: int, text: str) -> None:
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _state(path: Path) -> tuple[int, int, int] | None:
    """Differs once the file was replaced."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
