"""The vault: a secret opens at its own place, unchanged, with its own key, and nowhere else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tink import aead, json_proto_keyset_format, new_keyset_handle, secret_key_access

from bot.store.refused import StoreRefused
from bot.store.vault import KeysetFile, Place, SecretUnreadable, Vault
from tests.store.kit import keys_of

PLACE = Place(table="credential", row=7, owner=1, provider="google", field="secret", version=3)


@pytest.fixture
def keys(tmp_path: Path) -> KeysetFile:
    keys = keys_of(tmp_path)
    keys.make()
    return keys


def test_what_is_sealed_opens_at_its_place(keys: KeysetFile) -> None:
    vault = Vault(keys)
    assert vault.open(PLACE, vault.seal(PLACE, "naïve ☂")) == "naïve ☂"


@pytest.mark.parametrize(
    "elsewhere",
    [
        replace(PLACE, table="flow"),
        replace(PLACE, row=8),
        replace(PLACE, owner=2),
        replace(PLACE, provider="microsoft"),
        replace(PLACE, field="asked"),
        replace(PLACE, version=2),
    ],
)
def test_it_opens_at_no_other_place_and_in_no_other_version(keys: KeysetFile, elsewhere: Place) -> None:
    vault = Vault(keys)
    sealed = vault.seal(PLACE, "secret")
    with pytest.raises(SecretUnreadable):
        vault.open(elsewhere, sealed)


def test_places_that_look_alike_when_joined_are_different() -> None:
    one, other = replace(PLACE, provider='a","b', field="c"), replace(PLACE, provider="a", field='b","c')
    assert one.associated_data() != other.associated_data()


def test_no_flipped_bit_goes_unseen(keys: KeysetFile) -> None:
    vault = Vault(keys)
    sealed = vault.seal(PLACE, "secret")
    for bit in range(len(sealed) * 8):
        flipped = bytearray(sealed)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SecretUnreadable):
            vault.open(PLACE, bytes(flipped))


@pytest.mark.parametrize("blob", [b"", b"\x01", b"\x01" * 40])
def test_rubbish_is_unreadable(keys: KeysetFile, blob: bytes) -> None:
    with pytest.raises(SecretUnreadable):
        Vault(keys).open(PLACE, blob)


def test_another_key_opens_nothing_and_the_failure_tells_nothing(keys: KeysetFile, tmp_path: Path) -> None:
    other = KeysetFile(tmp_path / "other" / "keyset.json")
    other.make()
    with pytest.raises(SecretUnreadable) as refused:
        Vault(other).open(PLACE, Vault(keys).seal(PLACE, "canary"))
    assert "canary" not in f"{refused.value!r}{refused.value.__context__!r}{refused.value.__cause__!r}"


def test_a_key_added_while_running_is_found(keys: KeysetFile) -> None:
    running = Vault(keys)
    before = running.seal(PLACE, "before")
    _add_primary_key(keys)
    after = Vault(keys).seal(PLACE, "after")
    assert after[1:5] != before[1:5]
    assert running.open(PLACE, after) == "after"
    assert running.open(PLACE, before) == "before"
    assert running.seal(PLACE, "next")[1:5] == after[1:5]


def test_a_lost_key_file_makes_new_keys_unreadable_and_old_ones_go_on(keys: KeysetFile) -> None:
    running = Vault(keys)
    sealed = running.seal(PLACE, "secret")
    keys.path.unlink()
    foreign = sealed[:1] + bytes(4) + sealed[5:]
    with pytest.raises(SecretUnreadable):
        running.open(PLACE, foreign)
    assert running.open(PLACE, sealed) == "secret"


def test_a_keyset_is_made_narrow_and_never_written_over(keys: KeysetFile) -> None:
    assert keys.path.stat().st_mode & 0o777 == 0o600
    assert keys.path.parent.stat().st_mode & 0o777 == 0o700
    before = keys.path.read_bytes()
    with pytest.raises(FileExistsError):
        keys.make()
    assert keys.path.read_bytes() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o700 | 0o001])
def test_a_keyset_that_others_may_read_is_refused(keys: KeysetFile, mode: int) -> None:
    keys.path.chmod(mode)
    with pytest.raises(StoreRefused, match="chmod 600"):
        Vault(keys)


@pytest.mark.parametrize("text", ["", "{}", "not json", '{"primaryKeyId": 1, "key": []}'])
def test_a_damaged_keyset_is_refused_and_not_quoted(keys: KeysetFile, text: str) -> None:
    keys.path.write_text(text)
    with pytest.raises(StoreRefused, match="damaged") as refused:
        Vault(keys)
    assert refused.value.__cause__ is None


def test_a_vault_shows_no_key(keys: KeysetFile) -> None:
    vault = Vault(keys)
    material = json.loads(keys.path.read_text())["key"][0]["keyData"]["value"]
    assert material not in f"{vault!r}{vars(vault)!r}{keys!r}"


def _add_primary_key(keys: KeysetFile) -> None:
    """What a rotation does: the file gets a second key, and that one seals from now on."""
    keyset = json.loads(keys.path.read_text())
    handle = new_keyset_handle(aead.aead_key_templates.AES256_GCM)
    added = json.loads(json_proto_keyset_format.serialize(handle, secret_key_access.TOKEN))
    keyset["key"] += added["key"]
    keyset["primaryKeyId"] = added["primaryKeyId"]
    keys.path.write_text(json.dumps(keyset))
