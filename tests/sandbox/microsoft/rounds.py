"""Change tracking as Graph does it: rounds of pages, each of which ends in a link. It knows no kind of item.

Source: learn.microsoft.com/graph/delta-query-overview
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from multidict import MultiMapping

from tests.sandbox.exchange.mailbox import Item
from tests.sandbox.microsoft import errors

USUAL = 10
MOST = 1000
PAGE_SIZE = re.compile(r"odata\.maxpagesize\s*=\s*(\d+)")
TOKENS = ("$skiptoken", "$deltatoken")


@dataclass(frozen=True, slots=True)
class Round:
    """What a link stands for. `about` is the collection with all that was asked of it; `told` is what was said of it.

    `is_first` until the first round is over: it says what there is, and nothing of what is gone.
    """

    about: Mapping[str, Any]
    told: Mapping[str, Item]
    is_first: bool = True


@dataclass(frozen=True, slots=True)
class Collection:
    """What there is now, in order, and how an item is written; None for one that is not in view.

    `tells_of_outside`: changes outside of the view are told as removals, as with calendars.
    """

    items: Mapping[str, Item]
    written: Callable[[Item], dict[str, Any] | None]
    kind: str
    tells_of_outside: bool = False


@dataclass(slots=True)
class Rounds:
    """The links that one person's apps hold. They may be followed more than once."""

    _links: dict[str, Round] = field(default_factory=dict)
    _expired: set[str] = field(default_factory=set)

    def remember(self, round_: Round) -> str:
        token = secrets.token_urlsafe(64)
        self._links[token] = round_
        return token

    def find(self, token: str, base: str, lost_sync_status: int) -> Round:
        """Raises Refused for a link that was never given out for this address, or is too old."""
        found = self._links.get(token)
        if found is None or found.about["base"] != base:
            raise errors.bad_request("Badly formed token.", "ErrorInvalidUrlQuery")
        if token in self._expired:
            raise errors.lost_sync(lost_sync_status, f"{base}?{found.about['query']}")
        return found

    def expire(self) -> None:
        """Everything that was handed out until now is too old to start from."""
        self._expired = set(self._links)


def token_in(query: MultiMapping[str]) -> str:
    """The token of a link that is followed; empty at the start. Raises Refused for anything beside it."""
    given = [name for name in TOKENS if query.get(name)]
    if given and len(query) > 1:
        raise errors.not_with_delta(next(name for name in query if name not in given[:1]))
    return query[given[0]] if given else ""


def page(rounds: Rounds, current: Round, now: Collection, *, prefer: str) -> dict[str, Any]:
    """One answer. `prefer` is the header that may set the size of a page."""
    told, base = dict(current.told), current.about["base"]
    news = _news(current, now, told)
    size = _page_size(prefer, current.about.get("top", 0))
    for id_, _ in news[:size]:
        _tell(told, id_, now.items.get(id_))
    is_last = len(news) <= size
    token = rounds.remember(replace(current, told=told, is_first=current.is_first and not is_last))
    link = f"{base}?$deltatoken={token}" if is_last else f"{base}?$skiptoken={token}"
    return {
        "@odata.context": f"{base.partition('/me/')[0]}/$metadata#Collection({now.kind})",
        "@odata.deltaLink" if is_last else "@odata.nextLink": link,
        "value": [entry for _, entry in news[:size]],
    }


def _news(current: Round, now: Collection, told: dict[str, Item]) -> list[tuple[str, dict[str, Any]]]:
    """What is yet to be told. What nobody asked to hear of goes into `told` at once."""
    news: list[tuple[str, dict[str, Any]]] = []
    changed = [id_ for id_, item in now.items.items() if told.get(id_) != item]
    for id_ in [*changed, *(id_ for id_ in told if id_ not in now.items)]:
        item, before = now.items.get(id_), told.get(id_)
        entry = now.written(item) if item is not None else None
        was_in_view = before is not None and now.written(before) is not None
        is_beside = entry is None and not was_in_view and (current.is_first or not now.tells_of_outside)
        kind = "deleted" if entry is None else "created" if before is None else "updated"
        if is_beside or not _is_wanted(current, kind):
            _tell(told, id_, item)
        else:
            removed = {"@odata.type": f"#microsoft.graph.{now.kind}", "id": id_, "@removed": {"reason": "deleted"}}
            news.append((id_, removed if entry is None else entry))
    return news


def _tell(told: dict[str, Item], id_: str, item: Item | None) -> None:
    if item is None:
        told.pop(id_, None)
    else:
        told[id_] = item


def _is_wanted(current: Round, kind: str) -> bool:
    """By `changeType`, which says nothing about a first round."""
    return current.is_first or current.about.get("change_type", "") in {"", kind}


def _page_size(prefer: str, top: int) -> int:
    asked = PAGE_SIZE.search(prefer)
    return max(1, min(int(asked[1]) if asked else top or USUAL, MOST))
