"""The golden messages: all templates are among them, and the sandbox's Slack takes every one, without a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from jinja2 import BaseLoader, Environment

from handlers.slack.blocks import Renderer
from tests.handlers.slack.golden import FOLDER, Golden, Surface, golden
from tests.handlers.slack.samples import NAMES
from tests.sandbox.slack.blocks import check_message_blocks, check_view


class Listening(BaseLoader):
    """Notes which templates were read."""

    def __init__(self, loader: BaseLoader) -> None:
        self._loader = loader
        self.read: set[str] = set()

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:
        found = self._loader.get_source(environment, template)
        self.read.add(template)
        return found


@pytest.fixture(scope="module")
def drawn() -> tuple[list[Golden], set[str]]:
    """All of them, and the templates that they took."""
    render = Renderer(NAMES)
    assert render._env.loader is not None
    loader = Listening(render._env.loader)
    render._env.loader = loader
    return golden(render), loader.read


def named(*patterns: str) -> set[str]:
    return {path.relative_to(FOLDER).as_posix() for pattern in patterns for path in Path(FOLDER).glob(pattern)}


def test_every_template_that_slack_is_shown_is_among_them(drawn: tuple[list[Golden], set[str]]) -> None:
    _, read = drawn
    every = named("slack/**/*.j2", "advice/*.j2", "connect/*.revoke.j2")
    assert len(every) > 100
    assert sorted(every - read) == []


def test_slack_takes_every_one(drawn: tuple[list[Golden], set[str]]) -> None:
    for each in drawn[0]:
        if each.surface is Surface.MESSAGE:
            assert check_message_blocks(each.payload["blocks"]) == [], each.name
            assert each.payload["text"].strip(), each.name
        else:
            assert check_view(each.payload) == [], each.name


def test_they_are_many_enough_to_say_something_and_few_enough_to_send(drawn: tuple[list[Golden], set[str]]) -> None:
    by_surface = Counter(each.surface for each in drawn[0])
    assert set(by_surface) == set(Surface)
    assert 200 < len(drawn[0]) < 800
    assert len({each.name for each in drawn[0]}) == len(drawn[0])


def test_a_message_that_slack_would_refuse_is_seen(drawn: tuple[list[Golden], set[str]]) -> None:
    message = next(each for each in drawn[0] if each.surface is Surface.MESSAGE)
    too_long = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}
    assert check_message_blocks([*message.payload["blocks"], too_long])
