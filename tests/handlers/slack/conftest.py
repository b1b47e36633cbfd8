"""One Slack for all tests of the adapters: making its keys takes the most time. Each test gets a desk of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.handlers.slack.kit import Town


@pytest.fixture(scope="package")
def shared_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    made = Town(tmp_path_factory.mktemp("slack"))
    yield made
    made.close()


@pytest.fixture
def town(shared_town: Town) -> Iterator[Town]:
    """Whatever a test breaks is whole again for the next one."""
    yield shared_town
    slack = shared_town.slack
    slack.down(False)
    slack.revoke_tokens(False)
    slack.distributed(False)
    slack._faults._slow.clear()
    slack._faults._limited_until.clear()
    slack._faults._failing.clear()
    slack._faults._losing.clear()
    for user in ("U0ADA", "U0BOB"):
        slack._state.stacks.pop(user, None)
