"""A browser without a screen: it keeps cookies per host, follows redirects, reads links and forms.

It does as a real one where a server could tell: SameSite, Sec-Fetch-Site, Origin under a referrer policy, and
a form-action that also binds redirects. Names under localhost go to 127.0.0.1, for Debian's resolver does not
know them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import Morsel, SimpleCookie
from urllib.parse import SplitResult, urlencode, urljoin, urlsplit

import urllib3

REDIRECTS = 10
SECONDS = 30
AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)
SITES = ("none", "same-origin", "same-site", "cross-site")


@dataclass(frozen=True, slots=True)
class Link:
    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Button:
    text: str
    name: str = ""
    value: str = ""


@dataclass(slots=True)
class Form:
    """`fields` is what would be sent as it stands: hidden fields, texts, ticked boxes."""

    url: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)
    boxes: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Page:
    url: str
    status: int
    headers: Mapping[str, str]
    html: str = field(repr=False)
    title: str
    text: str
    links: tuple[Link, ...]
    forms: tuple[Form, ...]

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def path(self) -> str:
        return urlsplit(self.url).path


class Browser:
    """One person's browser. `page` is what it shows."""

    def __init__(self) -> None:
        self._connections = urllib3.PoolManager(timeout=SECONDS)
        # Knows SameSite, and that *.localhost counts as secure: no library's jar does.
        self._cookies: dict[str, dict[str, Morsel[str]]] = {}
        self._page: Page | None = None

    @property
    def page(self) -> Page:
        assert self._page is not None, "the browser has not been anywhere yet"
        return self._page

    def cookies(self, host: str) -> dict[str, str]:
        return {name: morsel.value for name, morsel in self._cookies.get(host, {}).items()}

    def get(self, url: str) -> Page:
        """As if typed into the address bar."""
        return self._go("GET", url, came_from=None)

    def follow(self, link: Link) -> Page:
        return self._go("GET", link.url, came_from=self.page)

    def click(self, text: str) -> Page:
        """Follows the first link, or presses the first button, whose words hold `text`, whatever the case."""
        wanted = text.casefold()
        for link in self.page.links:
            if wanted in link.text.casefold():
                return self.follow(link)
        for form in self.page.forms:
            for button in form.buttons:
                if wanted in button.text.casefold():
                    return self.submit(form, button=button)
        raise AssertionError(f"no link or button says {text!r} on {self.page.url}: {self.page.text}")

    def submit_form(
        self, values: Mapping[str, str | Sequence[str]] | None = None, *, button: str = ""
    ) -> Page:
        """Sends the first form that has all the named fields; `button` presses the one with these words."""
        for form in self.page.forms:
            names = {name for name, _ in [*form.fields, *form.boxes]}
            pressed = next((one for one in form.buttons if button.casefold() in one.text.casefold()), None)
            if set(values or {}) <= names and (pressed or not button):
                return self.submit(form, values=values, button=pressed)
        raise AssertionError(f"no form takes {sorted(values or {})} on {self.page.url}: {self.page.text}")

    def submit(
        self,
        form: Form,
        *,
        values: Mapping[str, str | Sequence[str]] | None = None,
        button: Button | None = None,
    ) -> Page:
        """`values` replace fields of the same name; an empty list unticks every box of that name."""
        given = dict(values or {})
        sent = [(name, value) for name, value in form.fields if name not in given]
        for name, value in given.items():
            sent += [(name, value)] if isinstance(value, str) else [(name, one) for one in value]
        if button and button.name:
            sent.append((button.name, button.value))
        if form.method == "GET":
            url = urlsplit(form.url)._replace(query=urlencode(sent)).geturl()
            return self._go("GET", url, came_from=self.page, from_form=True)
        return self._go("POST", form.url, came_from=self.page, body=urlencode(sent), from_form=True)

    def post_json(self, url: str, document: object) -> None:
        """What a page's own script would send; it changes no page."""
        target = urlsplit(url)
        headers = {
            "Host": target.netloc,
            "Content-Type": "application/json",
            "Origin": _origin(target),
            "Sec-Fetch-Site": "same-origin",
        }
        self._keep_cookies(target, self._request("POST", target, headers, json.dumps(document)))

    def _go(
        self, method: str, url: str, *, came_from: Page | None, body: str = "", from_form: bool = False
    ) -> Page:
        worst = 0
        for _ in range(REDIRECTS):
            target = urlsplit(url)
            if from_form and came_from and not _form_may_go_to(came_from, target):
                raise AssertionError(
                    f"the form-action of {came_from.url} forbids to go on to {_origin(target)}"
                )
            worst = max(worst, _distance(came_from, target))
            response = self._send(method, target, came_from=came_from, body=body, site=SITES[worst])
            if response.status not in {301, 302, 303, 307, 308}:
                self._page = _read(target.geturl(), response)
                return self._page
            url = urljoin(url, response.headers["Location"])
            if response.status < 307:
                method, body = "GET", ""
        raise AssertionError(f"redirected more than {REDIRECTS} times, last to {urlsplit(url).path}")

    def _send(
        self, method: str, target: SplitResult, *, came_from: Page | None, body: str, site: str
    ) -> urllib3.BaseHTTPResponse:
        assert target.scheme == "http", f"what people see is http in the sandbox, not {target.geturl()}"
        headers = {
            "Host": target.netloc,
            "User-Agent": AGENT,
            "Accept": "text/html,application/xhtml+xml",
            "Accept-Encoding": "gzip, deflate",
            "Sec-Fetch-Site": site,
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "document",
            "Sec-Fetch-User": "?1",
        }
        cookies = self._cookies_for(target.hostname or "", method, site)
        if cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies)
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["Origin"] = _told_origin(came_from)
        response = self._request(method, target, headers, body)
        self._keep_cookies(target, response)
        return response

    def _request(
        self, method: str, target: SplitResult, headers: Mapping[str, str], body: str
    ) -> urllib3.BaseHTTPResponse:
        return self._connections.request(
            method, _on_loopback(target), body=body or None, headers=headers, redirect=False, retries=False
        )

    def _cookies_for(self, host: str, method: str, site: str) -> list[tuple[str, str]]:
        found = []
        for name, morsel in self._cookies.get(host, {}).items():
            policy = morsel["samesite"].lower() or "lax"
            is_near = site != "cross-site"
            if is_near or policy == "none" or (policy == "lax" and method == "GET"):
                found.append((name, morsel.value))
        return found

    def _keep_cookies(self, target: SplitResult, response: urllib3.BaseHTTPResponse) -> None:
        jar = self._cookies.setdefault(target.hostname or "", {})
        for line in response.headers.getlist("Set-Cookie"):
            for name, morsel in SimpleCookie(line).items():
                is_bound = bool(morsel["secure"]) and morsel["path"] == "/" and not morsel["domain"]
                if name.startswith("__Host-") and not is_bound:
                    continue
                if morsel["max-age"] == "0" or not morsel.value:
                    jar.pop(name, None)
                else:
                    jar[name] = morsel


class _Reader(HTMLParser):
    """Collects what a person could read, follow and fill in."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._words: list[str] = []
        self._hidden = 0
        self._link: tuple[str, int] | None = None
        self._button: tuple[dict[str, str], int] | None = None
        self._form: Form | None = None
        self._title_from: int | None = None
        self.title = ""
        self.links: list[Link] = []
        self.forms: list[Form] = []

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        match tag:
            case "script" | "style" | "template":
                self._hidden += 1
            case "title":
                self._title_from = len(self._words)
            case "a" if "href" in given:
                self._link = (urljoin(self._url, given["href"]), len(self._words))
            case "form":
                url = urljoin(self._url, given.get("action") or self._url)
                self._form = Form(url=url, method=given.get("method", "get").upper())
                self.forms.append(self._form)
            case "button":
                self._button = (given, len(self._words))
            case "input" | "textarea" if self._form is not None and "disabled" not in given:
                _take_input(self._form, given)
            case _:
                pass

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "script" | "style" | "template":
                self._hidden -= 1
            case "title" if self._title_from is not None:
                self.title = " ".join(self._words[self._title_from :])
                del self._words[self._title_from :]
            case "a" if self._link is not None:
                url, start = self._link
                self.links.append(Link(self._since(start), url))
                self._link = None
            case "button" if self._button is not None:
                given, start = self._button
                if self._form is not None and given.get("type", "submit") == "submit":
                    button = Button(self._since(start), given.get("name", ""), given.get("value", ""))
                    self._form.buttons.append(button)
                self._button = None
            case "form":
                self._form = None
            case _:
                pass

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self._words.append(" ".join(data.split()))

    def _since(self, start: int) -> str:
        return " ".join(self._words[start:])


def _take_input(form: Form, given: Mapping[str, str]) -> None:
    name, value, kind = given.get("name", ""), given.get("value", ""), given.get("type", "text")
    match kind:
        case "submit":
            form.buttons.append(Button(value, name, value))
        case "checkbox" | "radio":
            form.boxes.append((name, value or "on"))
            if "checked" in given:
                form.fields.append((name, value or "on"))
        case _:
            form.fields += [(name, value)] if name else []


def _read(url: str, response: urllib3.BaseHTTPResponse) -> Page:
    html = response.data.decode(errors="replace")
    reader = _Reader(url)
    reader.feed(html)
    return Page(
        url=url,
        status=response.status,
        headers=response.headers,
        html=html,
        title=reader.title,
        text=reader.text,
        links=tuple(reader.links),
        forms=tuple(reader.forms),
    )


def _origin(url: SplitResult) -> str:
    return f"{url.scheme}://{url.netloc}"


def _on_loopback(url: SplitResult) -> str:
    host = url.hostname or ""
    assert host == "localhost" or host.endswith(".localhost") or host == "127.0.0.1", (
        f"{host} is not the sandbox"
    )
    return url._replace(netloc=f"127.0.0.1:{url.port or 80}", fragment="").geturl()


def _distance(came_from: Page | None, target: SplitResult) -> int:
    """An index into SITES. The site is the last two labels: `localhost` counts as a top-level domain."""
    if came_from is None:
        return 0
    source = urlsplit(came_from.url)
    if _origin(source) == _origin(target):
        return 1
    sites = {".".join((url.hostname or "").split(".")[-2:]) for url in (source, target)}
    return 2 if len(sites) == 1 else 3


def _told_origin(came_from: Page | None) -> str:
    # Under `no-referrer` a form's POST says "Origin: null", even to its own server.
    if came_from is None or "no-referrer" in came_from.headers.get("Referrer-Policy", "").split(", ")[-1:]:
        return "null"
    return _origin(urlsplit(came_from.url))


def _form_may_go_to(page: Page, target: SplitResult) -> bool:
    for directive in page.headers.get("Content-Security-Policy", "").split(";"):
        name, *sources = directive.split() or [""]
        if name == "form-action":
            own = _origin(urlsplit(page.url))
            allowed = {own if source == "'self'" else source.rstrip("/") for source in sources}
            return _origin(target) in allowed
    return True
