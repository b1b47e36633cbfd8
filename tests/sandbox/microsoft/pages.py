"""What a person sees at Microsoft: account, password, consent, and the pages without a way back."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

STYLE = """
body{margin:0;background:#f2f2f2;color:#1b1b1b;font:15px/1.4 "Segoe UI",system-ui,sans-serif}
main{box-sizing:border-box;max-width:27.5rem;margin:10vh auto;padding:2.75rem;background:#fff;
 box-shadow:0 2px 6px rgba(0,0,0,.2)}
h1{margin:0 0 1rem;font-size:1.5rem;font-weight:600}
form{margin:1rem 0 0}
label{display:block;margin:.75rem 0}
input[type=email],input[type=password]{box-sizing:border-box;width:100%;padding:.4rem 0;border:0;
 border-bottom:1px solid #666;font:inherit}
button{min-width:6.75rem;margin-right:.25rem;padding:.4rem .75rem;border:1px solid #0067b8;background:#0067b8;
 color:#fff;font:inherit;cursor:pointer}
button.quiet{border-color:#b3b3b3;background:#ccc;color:#1b1b1b}
button.link{min-width:0;padding:0;border:0;background:none;color:#0067b8}
button.account{display:block;width:100%;padding:.75rem 0;border:0;border-bottom:1px solid #e0e0e0;background:none;
 color:inherit;text-align:left}
.error{color:#a4262c}
.trouble,footer{font-size:.8rem;color:#605e5c}
footer{margin-top:2rem}
"""


def chooser(flow: str, app: str, emails: Iterable[str], *, problem: str = "") -> str:
    rows = "".join(
        f'<button class="account" name="email" value="{escape(email)}">{escape(email)}</button>' for email in emails
    )
    return _page(
        "Pick an account",
        f"<p>to continue to {escape(app)}</p>{_problem(problem)}"
        f"{_form('account', flow)}{rows}</form>"
        f"{_form('account', flow)}<label>Use another account"
        '<input type="email" name="email" autocomplete="username" placeholder="Email, phone, or Skype"></label>'
        "<button>Next</button></form>",
    )


def password(flow: str, email: str, filled_in: str, *, problem: str = "") -> str:
    return _page(
        "Enter password",
        f"<p>{escape(email)}</p>{_problem(problem)}{_form('password', flow)}"
        '<label>Password<input type="password" name="password" autocomplete="current-password" '
        f'value="{escape(filled_in)}"></label><button>Sign in</button></form>'
        f'{_form("account", flow)}<button class="link">Use another account</button></form>'
        "<small>This is the sandbox: the password is already filled in.</small>",
    )


def new_password(flow: str, email: str, filled_in: str, *, problem: str = "") -> str:
    return _page(
        "Update your password",
        f"<p>{escape(email)}</p><p>You need to update your password because your password has expired.</p>"
        f"{_problem(problem)}{_form('new-password', flow)}"
        '<label>New password<input type="password" name="password" autocomplete="new-password" '
        f'value="{escape(filled_in)}"></label><button>Sign in</button></form>',
    )


def second_factor(flow: str, email: str) -> str:
    return _page(
        "Approve sign-in request",
        f"<p>{escape(email)}</p><p>Open your Authenticator app, and approve the request to sign in.</p>"
        f"{_form('approve', flow)}<button>Approve</button></form>"
        "<small>This is the sandbox: the button stands for the phone.</small>",
    )


def consent(flow: str, app: str, email: str, words: Iterable[str]) -> str:
    return _page(
        "Permissions requested",
        f"<p>{escape(email)}</p><p><strong>{escape(app)}</strong></p><p>This app would like to:</p>{_list(words)}"
        "<p>Accepting these permissions means that you allow this app to use your data as specified in their terms "
        f"of service and privacy statement.</p>{_form('consent', flow)}{_yes_no('Accept')}</form>",
    )


def needs_admin(app: str, email: str) -> str:
    """A page without a way on: nothing calls back until an administrator has approved the app."""
    return _page(
        "Need admin approval",
        f"<p>{escape(email)}</p><p><strong>{escape(app)}</strong> needs permission to access resources in your "
        "organization that only an admin can grant. Please ask an admin to grant permission to this app before you "
        'can use it.</p><p class="trouble">AADSTS90094</p>',
    )


def blocked(title: str, words: str, trouble: str = "") -> str:
    """Another one: Microsoft never calls back from here."""
    return _page(title, f'<p>{escape(words)}</p><p class="trouble">{escape(trouble)}</p>')


def admin_consent(flow: str, app: str, words: Iterable[str], choices: Iterable[tuple[str, str, str]]) -> str:
    """`choices` are tenant id, company and administrator, of whom the page takes the signature."""
    buttons = "".join(
        f"<p>Signed in as {escape(email)}, administrator of {escape(company)}</p>"
        f'<button name="tenant" value="{escape(tenant)}">Approve</button>'
        for tenant, company, email in choices
    )
    return _page(
        "Permissions requested",
        f"<p>Review for your organization</p><p><strong>{escape(app)}</strong></p><p>This app would like to:</p>"
        f"{_list(words)}<p>If you accept, this app will get access to the specified resources for all users in your "
        f"organization. No one else will be prompted to review these permissions.</p>{_form('admin', flow)}{buttons}"
        '<button class="quiet" name="tenant" value="">Cancel</button></form>',
    )


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>"
        f"<h1>{escape(title)}</h1>{body}"
        "<footer>A stand-in for Microsoft's sign-in page. No real account is involved.</footer>"
        "</main></body></html>"
    )


def _form(step: str, flow: str) -> str:
    hidden = f'<input type="hidden" name="flow" value="{escape(flow)}">'
    return f'<form method="post" action="/signin/{step}">{hidden}'


def _list(words: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in words) + "</ul>"


def _yes_no(yes: str) -> str:
    return (
        f'<button name="decision" value="allow">{yes}</button> '
        '<button class="quiet" name="decision" value="cancel">Cancel</button>'
    )


def _problem(words: str) -> str:
    return f'<p class="error" role="alert">{escape(words)}</p>' if words else ""
