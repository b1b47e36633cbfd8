"""A small Relatch with a mailbox at the sandbox's Google and a CRM at the sandbox's Salesforce. It asserts nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from bot.model import Connection, Event, Kind, Reply, Word
from providers.base import Activity, Credential, Pushed, Side
from providers.salesforce import Salesforce
from tests.kept import Kept
from tests.memory_slack import BOB, Message
from tests.providers.salesforce.kit import CARA, PRODUCTION, SalesforceKit, play_salesforce
from tests.rig import Rig, running

Happening = Callable[[], object]


class MeddledCrm(Salesforce):
    """Salesforce as it is, with something that happens at a moment: "match", "push", "pushed", "check", "refresh".

    `calls` counts each.
    """

    def __init__(self, kit: SalesforceKit) -> None:
        super().__init__(wire=kit.wire, clock=kit.clock.now, **kit.settings)
        self.at: dict[str, list[Happening]] = {}
        self.calls: Counter[str] = Counter()
        self.pages: list[int] = []

    def happens(self, moment: str, *what: Happening) -> None:
        """Once each, one call after the other."""
        self.at.setdefault(moment, []).extend(what)

    def fails(self, moment: str, *errors: Exception) -> None:
        def raiser(error: Exception) -> Happening:
            def fail() -> None:
                raise error

            return fail

        self.happens(moment, *(raiser(error) for error in errors))

    def refresh(self, credential: Credential) -> Credential:
        self._now("refresh")
        return super().refresh(credential)

    def check(self, credential: Credential) -> None:
        self._now("check")
        super().check(credential)

    def match(self, credential: Credential, addresses: Collection[str]) -> Mapping[str, str]:
        self._now("match")
        return super().match(credential, addresses)

    def push(self, credential: Credential, activities: Sequence[Activity]) -> Pushed:
        self._now("push")
        self.pages.append(len(activities))
        pushed = super().push(credential, activities)
        self._now("pushed")
        return pushed

    def _now(self, moment: str) -> None:
        self.calls[moment] += 1
        if self.at.get(moment):
            self.at[moment].pop(0)()


class CrmRig:
    """The rig, and what is only there with a CRM."""

    def __init__(self, rig: Rig, kit: SalesforceKit) -> None:
        self.rig, self.kit, self.salesforce = rig, kit, kit.server
        self.crm = MeddledCrm(kit)
        rig.kits["salesforce"] = kit
        rig.providers["salesforce"] = self.crm
        rig.build("run:1")

    def sign_in(self, user_id: str = BOB) -> Reply:
        """A whole sign-in at Salesforce."""
        self.rig.answer(user_id, Word.STATUS)
        person = self.rig.person(user_id)
        with self.rig.store.write() as tx:
            invitation = tx.invitations.for_side(
                person_id=person.id,
                side=Side.CRM,
                word=Word.REFRESH,
                provider="salesforce",
                access=PRODUCTION,
                now=self.rig.clock.now(),
            )
        session, url = self.rig.visit(user_id, invitation.id)
        return self.rig.sign_in.callback("salesforce", play_salesforce(url), session)

    def connected(self, user_id: str = BOB) -> None:
        """Both sides are connected and synced, and their welcomes are said. `crm.calls` counts from here on."""

        def play() -> None:
            assert self.sign_in(user_id).template == "done"
            self.rig.connected(user_id)

        assert not any(self.crm.at.values()), "what meddles with a sign-in is not to be kept"
        self.rig.once(("both", user_id), play)
        self.crm.calls.clear()
        self.crm.pages.clear()

    def meeting(self, *, after: timedelta = timedelta(days=1), title: str = "Demo") -> str:
        start = self.rig.clock.now().replace(microsecond=0) + after
        return self.rig.google.schedule("bob@acme.example", title=title, start=start, attendees=[CARA])

    def of(self, side: Side, user_id: str = BOB) -> Connection:
        with self.rig.store.read() as tx:
            return tx.connections.of(self.rig.person(user_id).id)[side]

    def subjects(self) -> list[str]:
        return sorted(task["Subject"] for task in self.salesforce.tasks())

    def titles(self) -> list[str]:
        return sorted(event["Subject"] for event in self.salesforce.events())

    def kinds(self, side: Side) -> list[Kind]:
        return [event.kind for event in self.rig.history() if event.side is side]

    def events(self, kind: Kind) -> list[Event]:
        return [event for event in self.rig.history() if event.kind is kind]

    def welcomes(self, user_id: str = BOB) -> dict[Side, Message]:
        """The newest for each side."""
        sent = [each for each in self.rig.slack.to(user_id) if each.reply.template == "notices/connected"]
        return {each["card"].side: each for each in sent}


@contextmanager
def crm_running(kept: Kept, **others: Any) -> Iterator[CrmRig]:
    with running(kept, **others) as rig, kept.kits.lent(SalesforceKit) as kit:
        yield CrmRig(rig, kit)
