"""What a person sees on Salesforce's side: login, Allow Access?, and the page without a way back."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

STYLE = """
body{margin:0;background:#f4f6f9;color:#16325c;font:16px/1.5 system-ui,sans-serif}
main{box-sizing:border-box;max-width:26rem;margin:8vh auto;padding:2rem;border:1px solid #d8dde6;
 border-radius:.25rem;background:#fff}
h1{margin:0 0 .75rem;font-size:1.4rem;font-weight:400}
p,li,small{color:#3e3e3c}
form{margin:1rem 0 0}
label{display:block;margin:.75rem 0;font-size:.85rem}
input[type=text],input[type=password]{box-sizing:border-box;width:100%;padding:.65rem;border:1px solid #c9c7c5;
 border-radius:.25rem;font:inherit}
button{padding:.6rem 1.4rem;border:1px solid #0176d3;border-radius:.25rem;background:#0176d3;color:#fff;
 font:inherit;cursor:pointer}
button.quiet{background:none;color:#0176d3}
button.saved{display:block;width:100%;padding:.6rem 0;border:0;border-bottom:1px solid #e5e5e5;border-radius:0;
 background:none;color:inherit;text-align:left}
.error{color:#c23934}
footer{margin-top:2rem;font-size:.8rem;color:#706e6b}
"""


def login(
    flow: str, org: str, *, username: str = "", filled_in: str = "", saved: Iterable[str] = (), problem: str = ""
) -> str:
    """`saved` are the user names that this browser offers; `filled_in` is a password."""
    rows = "".join(
        f'<button class="saved" name="username" value="{escape(name)}">{escape(name)}</button>' for name in saved
    )
    chooser = f"{_form('user', flow)}<small>Saved user names</small>{rows}</form>" if rows else ""
    hint = "<small>This is the sandbox: the password is already filled in.</small>" if filled_in else ""
    return _page(
        "Login | Salesforce",
        f"<p>{escape(org)}</p>{_problem(problem)}{_form('login', flow)}"
        '<label>Username<input type="text" name="username" autocomplete="username" '
        f'value="{escape(username)}"></label>'
        '<label>Password<input type="password" name="password" autocomplete="current-password" '
        f'value="{escape(filled_in)}"></label><button>Log In</button></form>{chooser}{hint}',
    )


def approve(flow: str, app: str, username: str, wishes: Iterable[str]) -> str:
    rows = "".join(f"<li>{escape(wish)}</li>" for wish in wishes)
    return _page(
        "Allow Access?",
        f"<p>{escape(app)} is asking to:</p><ul>{rows}</ul>"
        f"<p>Do you want to allow access for {escape(username)}?</p>{_form('approve', flow)}"
        '<button name="decision" value="allow">Allow</button> '
        '<button class="quiet" name="decision" value="deny">Deny</button> '
        '<button class="quiet" name="decision" value="other">Not you?</button></form>',
    )


def error(code: str, description: str) -> str:
    """RemoteAccessErrorPage: Salesforce never calls back from here."""
    return _page(
        "OAuth Error",
        "<p>We can't authorize you because of an OAuth error. For more information, contact your Salesforce "
        f"administrator.</p><p>{escape(code)} : {escape(description)}</p>",
    )


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>"
        f"<h1>{escape(title)}</h1>{body}"
        "<footer>A stand-in for Salesforce's pages. No real account is involved.</footer>"
        "</main></body></html>"
    )


def _form(step: str, flow: str) -> str:
    hidden = f'<input type="hidden" name="flow" value="{escape(flow)}">'
    return f'<form method="post" action="/signin/{step}">{hidden}'


def _problem(words: str) -> str:
    return f'<p class="error" role="alert">{escape(words)}</p>' if words else ""
