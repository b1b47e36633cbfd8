"""Where every request comes in: not twice, from somebody we know, who may. Then the word's own file answers.

No Slack, no HTTP and no SQL in bot/desk: it asks the store by purpose and the vendors through bot/upkeep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bot.desk import change, check, held, home, opened, refresh, revoke, status, stuck, sync, why
from bot.desk import help as help_word
from bot.desk.asked import Asked, Tools
from bot.model import Actor, Event, Kind, Person, Profile, Reply, Request, SlackAway, Who, Word
from bot.rules.permissions import Verdict, may, wants_admin
from bot.store.database import Tx

Answer = Callable[[Tools, Asked], Iterator[Reply]]

ANSWERS: Mapping[Word, Answer] = {
    Word.STATUS: status.answer,
    Word.CHECK: check.answer,
    Word.REFRESH: refresh.answer,
    Word.CHANGE: change.answer,
    Word.REVOKE: revoke.answer,
    Word.SYNC: sync.answer,
    Word.WHY: why.answer,
    Word.HELP: help_word.answer,
    Word.HOME: home.answer,
    Word.OPENED: opened.answer,
    Word.STUCK: stuck.answer,
    Word.RELEASE: held.release,
    Word.DISMISS: held.dismiss,
}
# These do something about somebody else, so the person is told why.
NEED_A_REASON = frozenset({(Word.REFRESH, ""), (Word.CHANGE, ""), (Word.SYNC, "pause")})


@dataclass(frozen=True, slots=True)
class Desk:
    tools: Tools
    team_id: str

    def answer(self, request: Request) -> Iterator[Reply]:
        """The first Reply comes within 2.5 seconds; each replaces the one before. None at all for a re-delivery."""
        if request.delivery and not self._first_time(request.delivery):
            return
        try:
            profile = self._profile(request.actor)
            own = request.subject in ("", request.actor.user_id)
            admin = self._admin(profile) if wants_admin(word=request.word, own=own) else None
        except SlackAway:
            yield Reply("slack_away", {"word": str(request.word)})
            return
        verdict = may(profile=profile, team_id=self.team_id, word=request.word, own=own, admin=admin)
        if verdict is not Verdict.YES:
            yield self._refuse(request, profile, verdict)
            return
        if request.argument.startswith("nobody:"):
            yield Reply("nobody", {"typed": request.argument.removeprefix("nobody:")})
            return
        try:
            asked = self._meet(request, profile, own=own)
        except SlackAway:
            yield Reply("slack_away", {"word": str(request.word)})
            return
        if asked is None:
            yield Reply("nobody", {"typed": request.subject})
        elif not own and (request.word, request.argument) in NEED_A_REASON and not request.reason:
            yield Reply(
                "reason",
                {
                    "who": asked.who,
                    "word": str(request.word),
                    "argument": request.argument,
                    "target": request.target,
                    "subject": request.subject,
                },
            )
        else:
            yield from ANSWERS[request.word](self.tools, asked)

    def _first_time(self, delivery: str) -> bool:
        with self.tools.store.write() as tx:
            return tx.seen.first_time(delivery, self.tools.clock.real())

    def _profile(self, actor: Actor) -> Profile:
        if actor.team_id != self.team_id:
            # Slack may not even show us a stranger's profile.
            return Profile(
                team_id=actor.team_id, user_id=actor.user_id, name="", email="", timezone="UTC", stranger=True
            )
        return self.tools.directory.profile(actor.user_id)

    def _admin(self, profile: Profile) -> bool | None:
        try:
            return self.tools.directory.is_admin(profile.user_id)
        except SlackAway:
            return None

    def _meet(self, request: Request, profile: Profile, *, own: bool) -> Asked | None:
        subject_profile = profile if own else self.tools.directory.profile(request.subject)
        if not own and (subject_profile.stranger or subject_profile.bot or subject_profile.team_id != self.team_id):
            return None
        now = self.tools.clock.now()
        with self.tools.store.write() as tx:
            actor = tx.people.meet(profile, now)
            subject = actor if own else tx.people.meet(subject_profile, now)
            _note_stray(tx, request, actor)
            if not own:
                look = Event(
                    kind=Kind.LOOKED, at=now, person_id=subject.id, actor_id=actor.id, detail=str(request.word)
                )
                tx.events.append(look)
        return Asked(request=request, actor=actor, subject=subject, who=_who(subject, own=own))

    def _refuse(self, request: Request, profile: Profile, verdict: Verdict) -> Reply:
        """The refusal stands in the history: of the one who asked, where we know them."""
        with self.tools.store.write() as tx:
            known = tx.people.find(profile.team_id, profile.user_id)
            tx.events.append(
                Event(
                    kind=Kind.REFUSED,
                    at=self.tools.clock.now(),
                    person_id=known.id if known else None,
                    actor_id=known.id if known else None,
                    detail=f"{request.word} {verdict}",
                )
            )
        who = Who(name=profile.name, user_id=profile.user_id, own=True)
        return Reply("refused", {"verdict": str(verdict), "word": str(request.word), "who": who})


def _who(person: Person, *, own: bool) -> Who:
    return Who(name=person.name, user_id=person.user_id, own=own)


def _note_stray(tx: Tx, request: Request, actor: Person) -> None:
    """A crash in mid-send can leave a second copy of a notice: its press is how we learn where it stands."""
    notice = tx.notices.find(int(request.mark)) if request.mark.isdecimal() and len(request.mark) < 18 else None
    if notice is None or request.at is None or not notice.ts or notice.person_id != actor.id:
        return
    pressed = [request.at.channel, request.at.ts]
    if pressed not in ([notice.channel, notice.ts], notice.facts.get("old")):
        tx.notices.want(notice.id, {"stray": pressed})
