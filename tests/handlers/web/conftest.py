"""One running web application, whose sign-in has forgotten everything when a test begins."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.handlers.web.rig import Web, running


@pytest.fixture(scope="session")
def server() -> Iterator[Web]:
    with running() as made:
        yield made


@pytest.fixture
def web(server: Web) -> Web:
    server.desk.forget()
    server.parts.update(slack=True, database=True)
    return server
