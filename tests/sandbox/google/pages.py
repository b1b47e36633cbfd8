"""What a person sees on Google's side: chooser, password, consent, and the pages without a way back."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

STYLE = """
body{margin:0;background:#f0f4f9;color:#1f1f1f;font:16px/1.5 system-ui,sans-serif}
main{box-sizing:border-box;max-width:30rem;
 margin:8vh auto;padding:2.25rem;border-radius:1.5rem;background:#fff}
h1{margin:0 0 .5rem;font-size:1.6rem;font-weight:400}
p,li,small{color:#444746}
form{margin:1rem 0 0}
label{display:block;margin:.75rem 0}
input[type=email],input[type=password]{box-sizing:border-box;width:100%;padding:.8rem;
 border:1px solid #747775;border-radius:.35rem;font:inherit}
button{padding:.6rem 1.4rem;border:0;border-radius:1.5rem;background:#0b57d0;
 color:#fff;font:inherit;cursor:pointer}
button.quiet{background:none;color:#0b57d0}
button.account{display:block;width:100%;padding:.9rem 0;border-bottom:1px solid #e3e3e3;border-radius:0;
 background:none;color:inherit;text-align:left}
.error{color:#b3261e}
footer{margin-top:2rem;font-size:.8rem;color:#747775}
"""


def chooser(flow: str, app: str, emails: Iterable[str], *, problem: str = "") -> str:
    rows = "".join(
        f'<button class="account" name="email" value="{escape(email)}">{escape(email)}</button>'
        for email in emails
    )
    return _page(
        "Choose an account",
        f"<p>to continue to {escape(app)}</p>{_problem(problem)}"
        f"{_form('account', flow)}{rows}</form>"
        f"{_form('account', flow)}<label>Use another account"
        '<input type="email" name="email" autocomplete="username"></label><button>Next</button></form>',
    )


def password(flow: str, email: str, filled_in: str, *, problem: str = "") -> str:
    return _page(
        "Welcome",
        f"<p>{escape(email)}</p>{_problem(problem)}{_form('password', flow)}"
        '<label>Enter your password<input type="password" name="password" autocomplete="current-password" '
        f'value="{escape(filled_in)}"></label><button>Next</button></form>'
        f'{_form("account", flow)}<button class="quiet">Use another account</button></form>'
        "<small>This is the sandbox: the password is already filled in.</small>",
    )


def consent(flow: str, app: str, email: str, choices: Iterable[tuple[str, str]], *, ticked: bool) -> str:
    mark = " checked" if ticked else ""
    boxes = "".join(
        f'<label><input type="checkbox" name="scope" value="{escape(scope)}"{mark}> {escape(words)}</label>'
        for scope, words in choices
    )
    return _page(
        f"{app} wants access to your Google Account",
        f"<p>{escape(email)}</p><p>Select what {escape(app)} can access</p>{_form('consent', flow)}{boxes}"
        '<button name="decision" value="allow">Continue</button> '
        '<button class="quiet" name="decision" value="cancel">Cancel</button></form>',
    )


def blocked(app: str, code: int, error: str, words: str) -> str:
    """A page without a way on: Google never calls back from here."""
    return _page(
        f"Access blocked: {app} cannot be used", f"<p>{escape(words)}</p><p>Error {code}: {escape(error)}</p>"
    )


def needs_admin(app: str, email: str) -> str:
    """Never calls back either: the person must ask the Workspace administrator."""
    return blocked(
        app,
        400,
        "admin_policy_enforced",
        f"This app is blocked. Your organization's admin must approve {app} before {email} can use it.",
    )


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>"
        f"<h1>{escape(title)}</h1>{body}"
        "<footer>A stand-in for Google's sign-in page. No real account is involved.</footer>"
        "</main></body></html>"
    )


def _form(step: str, flow: str) -> str:
    hidden = f'<input type="hidden" name="flow" value="{escape(flow)}">'
    return f'<form method="post" action="/signin/{step}">{hidden}'


def _problem(words: str) -> str:
    return f'<p class="error" role="alert">{escape(words)}</p>' if words else ""
