"""How templates are read, alike for Slack and for pages. It knows no word, no surface and no name."""

from __future__ import annotations

from collections.abc import MutableMapping
from types import CodeType
from typing import Any

from jinja2 import BytecodeCache, Environment, PackageLoader, StrictUndefined
from jinja2.bccache import Bucket


class _Compiled(BytecodeCache):
    """What this process has compiled, by name and content: no second environment compiles it again."""

    def __init__(self) -> None:
        self._code: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._code.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key, bucket.checksum] = bucket.code


COMPILED = _Compiled()


class Templates(Environment):
    """The package `templates`. Everything is escaped, whatever a file is called: names come from strangers."""

    def __init__(self) -> None:
        super().__init__(
            loader=PackageLoader("templates", ""),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,  # Else every use asks the disk whether a template has changed.
            cache_size=-1,  # None is ever dropped; to know which was used last costs a search at each use.
            bytecode_cache=COMPILED,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """As they are when a template is first used. Jinja's own chain of two maps is slow, and copied at each use."""
        return {**self.globals, **(d or {})}
