"""`/creds change`: another account or another access type. Nothing is given up before the new sign-in has worked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, wait
from dataclasses import replace
from time import monotonic
from typing import cast

from bot.desk.asked import Asked, Tools, meant
from bot.desk.refresh import answer as hand_off
from bot.model import Card, Choice, Door, Reply, State, Word
from bot.rules.access import NEED_A_HOST, RECOGNISED_BY, my_domain
from bot.store.database import Tx
from providers.base import Access, AccessType, Mailbox, Provider, ProviderError, Side

FIRST_REPLY_WITHIN = 1.0
LONGEST = 5.0


def answer(tools: Tools, asked: Asked) -> Iterator[Reply]:
    if not asked.who.own:
        # Only the person herself signs in; an admin can ask her to.
        yield from hand_off(tools, asked)
        return
    with tools.store.write() as tx:
        side = _side(tools, tx, asked)
    if isinstance(side, Reply):
        yield side
        return
    choice = asked.request.choice
    if choice is None:
        yield _offer(tools, asked, side)
    elif choice.access is not None:
        yield _chosen(tools, asked, side, choice, choice.access)
    else:
        yield from _find(tools, asked, side, choice)


def _side(tools: Tools, tx: Tx, asked: Asked) -> Side | Reply:
    what = meant(tools, tx, asked)
    if isinstance(what, Reply) and what.template != "mismatch":
        return what
    side = tools.providers[asked.request.target].side if isinstance(what, Reply) else what.sides[0]
    return side if tools.cards.offered(side) else Reply("not_offered", {"wanted": str(side)})


def _find(tools: Tools, asked: Asked, side: Side, choice: Choice) -> Iterator[Reply]:
    """Not sure: whose mailbox is it, as far as can be seen from the address?"""
    offered, address, began = tools.cards.offered(side), asked.subject.email, monotonic()
    by_slug = {provider.slug: provider for provider in offered.values() if address}
    looks = {
        slug: tools.probe_pool.submit(_recognises, cast(Mailbox, by_slug[slug]), address)
        for slug in RECOGNISED_BY
        if slug in by_slug
    }
    slug, settled = _first_yes(looks, until=began + FIRST_REPLY_WITHIN)
    if not settled:
        yield Reply("moment")
        slug, _ = _first_yes(looks, until=began + LONGEST)
    kind = next((kind for kind, provider in offered.items() if provider.slug == slug), None)
    if kind is None:
        yield _offer(tools, asked, side, problem="not_found")
    else:
        yield _chosen(tools, asked, side, choice, kind, found=True)


def _recognises(mailbox: Mailbox, address: str) -> bool:
    try:
        return mailbox.recognises(address)
    except ProviderError:
        return False


def _first_yes(looks: Mapping[str, Future[bool]], *, until: float) -> tuple[str, bool]:
    """The first in order that says yes, and whether those that are still asked could change that."""
    settled = True
    for slug, look in looks.items():
        wait([look], max(0.0, until - monotonic()))
        if look.done() and look.result():
            return slug, settled
        settled = settled and look.done()
    return "", settled


def _chosen(tools: Tools, asked: Asked, side: Side, choice: Choice, kind: AccessType, *, found: bool = False) -> Reply:
    """The one sign-in button for what was chosen."""
    host = my_domain(choice.host) if kind in NEED_A_HOST else ""
    if kind not in tools.cards.offered(side):
        return _offer(tools, asked, side)
    if kind in NEED_A_HOST and not host:
        return _offer(tools, asked, side, problem="host")
    return _offer(tools, asked, side, access=Access(kind, host), account=choice.account, found=found)


def _offer(
    tools: Tools,
    asked: Asked,
    side: Side,
    *,
    access: Access | None = None,
    account: str = "",
    found: bool = False,
    problem: str = "",
) -> Reply:
    """What there is to choose from, and the sign-in once that is clear. One kind alone is chosen already."""
    with tools.store.write() as tx:
        connection = tx.connections.of(asked.subject.id).get(side)
        card = tools.cards.card(tx, asked.subject, side, connection, tools.clock.now())
        offered = {} if card.state is State.REVOKING else tools.cards.offered(side)
        picked = access or _only(offered)
        door = _door(tools, tx, asked, card, picked, account) if offered and picked else None
        used = tx.accounts.of(asked.subject.id)
    slugs = {provider.slug for provider in offered.values()}
    return Reply(
        "change",
        {
            "who": asked.who,
            "card": replace(card, doors=(door,) if door else (), choose=False),
            "options": [str(kind) for kind in offered],
            "picked": str(picked.type) if picked else "",
            "chosen": access is not None,
            "unsure": side is Side.MAILBOX and len(slugs) > 1,
            "accounts": list(dict.fromkeys(account for slug, account in used if slug in slugs)),
            "found": found,
            "problem": problem,
        },
    )


def _only(offered: Mapping[AccessType, Provider]) -> Access | None:
    kinds = list(offered)
    return Access(kinds[0]) if len(kinds) == 1 and kinds[0] not in NEED_A_HOST else None


def _door(tools: Tools, tx: Tx, asked: Asked, card: Card, access: Access, account: str) -> Door:
    provider = tools.cards.offered(card.side)[access.type]
    return tools.cards.door(
        tx,
        asked.subject,
        Word.CHANGE if card.provider else Word.REFRESH,
        provider,
        access,
        tools.clock.now(),
        hint=account if (provider.slug, account) in tx.accounts.of(asked.subject.id) else "",
    )
