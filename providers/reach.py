"""What every provider's `reach` is made of: one try, told as what failed. It knows no vendor."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

from providers.base import ProviderError, Reached, Reason, Rejected, Unavailable
from providers.refusals import translated
from providers.wire import Redirected, Session

# No vendor has ever given this one out.
NOBODYS_TOKEN = "relatch-doctor"  # noqa: S105 - a token that is good for nothing


def tried(what: str, address: str, attempt: Callable[[], object]) -> Reached:
    """`address` is only told by its host."""
    host = urlsplit(address).netloc
    try:
        with translated():
            attempt()
    except ProviderError as error:
        return Reached(what, host, error)
    return Reached(what, host)


def answers(session: Session, address: str) -> None:
    """Without a sign-in it may refuse us as it likes: that it answers is all that is asked."""
    with suppress(Redirected):
        status = session.get(address).status_code
        if status >= 500:
            raise Unavailable(Reason.PROVIDER_DOWN, str(status))


def known(renew: Callable[[], object]) -> None:
    """Whether the vendor knows our client: if so, it is the token that it refuses."""
    with suppress(Rejected):
        renew()
