"""Slack refuses, dawdles, breaks off and goes down while it is told of many: each person ends with one true message."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from tests.faults.conftest import scaled
from tests.faults.town import Citizen, Town
from tests.sandbox.slack import Message
from tests.sandbox.world import ADA, IT_ADMIN

PEOPLE = 30
POST, EDIT = "chat.postMessage", "chat.update"


def test_each_person_ends_with_one_message_with_the_right_words(
    tmp_path: Path, tell: Callable[[str], None]
) -> None:
    with Town.founded(tmp_path, max(8, scaled(PEOPLE))) as town, ThreadPoolExecutor(1) as pool:
        town.start()
        town.wait(town.settled, 60, "the first syncs")
        for citizen in town.people:
            town.google.remove_access(citizen.email)
        for minutes in (61, 12, 2):
            town.later(timedelta(minutes=minutes))
            town.wait(town.settled, 60, "the end of all due work")
        assert not any(map(town.messages, town.people)), "so many at once are held"
        lost = pool.submit(trouble, town, POST)
        town.slack.press(ADA.id, "Send the messages", message=town.slack.messages(ADA.id, channel=IT_ADMIN)[-1])
        answers_lost = lost.result()
        settle(town)
        strays = 0
        for citizen in town.people:
            told = town.slack.messages(citizen.user_id)
            strays += len(told) - 1
            assert told, f"{citizen.user_id} was never told"
            assert all("stopped" in message.text and has_door(message) for message in told)
        assert strays <= answers_lost
        repaired, still_broken = town.people[::2], town.people[1::2]
        lost = pool.submit(trouble, town, EDIT)
        with town.store() as store:
            for citizen in repaired:
                town.sign_in(store, citizen)
        answers_lost_again = lost.result()
        settle(town)
        for citizen in repaired:
            told = town.slack.messages(citizen.user_id)
            assert sum("works again" in message.text for message in told) == 1
        for citizen in still_broken:
            assert all("stopped" in message.text for message in town.slack.messages(citizen.user_id))
        assert len(told_twice(town)) <= answers_lost, "no edit makes a copy"
        town.stop()
        town.check_database()
    tell(
        f"{len(town.people)} notices through 429, slow, down and {answers_lost} + {answers_lost_again} lost answers: "
        f"one open message each, {strays} stray copies, {len(repaired)} of them green again"
    )


def trouble(town: Town, method: str) -> int:
    """One after the other, while messages are on their way. How many answers were lost."""
    lost = 0
    for _ in range(2):
        for _ in range(3):
            town.slack.lose_answer(method)
            lost += 1
        town.rest(1.0, 1.5)
        town.slack.rate_limit(method, 2)
        town.rest(1.0, 1.5)
        town.slack.slow(method, 0.5)
        town.rest(1.0, 1.5)
        town.slack.down(True)
        town.rest(1.0, 2.0)
        town.slack.down(False)
        town.slack.slow(method, 0)
    return lost


def settle(town: Town) -> None:
    """Waits that were doubled again and again count on the clock of schedules."""
    for _ in range(6):
        town.wait(town.settled, 60, "the end of all due work")
        town.later(timedelta(minutes=1))
        town.rest(1.2, 1.2)
    town.wait(town.settled, 60, "the end of all due work")


def told_twice(town: Town) -> list[Citizen]:
    return [citizen for citizen in town.people if town.messages(citizen) > 1]


def has_door(message: Message) -> bool:
    return any(button.url for button in message.buttons)
