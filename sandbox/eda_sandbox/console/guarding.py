"""Who may ask the console: browsers of this machine that were given its address, and no page but its own."""

import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of each answer that does not set its own."""


class Guard:
    """Refuses requests without the token, of other hosts' names (DNS rebinding), and those that other pages send.

    Args:
        app: what is guarded.
        port: where it listens.
        token: what a request has to bring, in its query or as the cookie that the page sets.
    """

    def __init__(self, app: ASGIApp, port: int, token: str) -> None:
        self._app = app
        self._token = token
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        # A browser keeps cookies by host alone: two consoles must not take each other's.
        self.cookie = f"console-{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope)
        app = self._app if refusal is None else PlainTextResponse(refusal, 403)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await app(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        if headers.get("host") not in self._hosts:
            return "This host's name is not the console's."
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return "Another site may not ask the console."
        if scope["method"] not in ("GET", "HEAD"):
            if headers.get("origin") not in {f"http://{host}" for host in self._hosts}:
                return "Only the console's own page may act."
            if headers.get("content-type") != "application/json":
                return "The content type has to be application/json."
        given = [*parse_qs(scope["query_string"].decode("latin-1")).get("token", []), self._from_cookie(headers)]
        if not any(secrets.compare_digest(one.encode(), self._token.encode()) for one in given):
            return "The address lacks the console's token; take the whole address that was printed."
        return None

    def _from_cookie(self, headers: Headers) -> str:
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(self.cookie)
        except CookieError:
            return ""
        return found.value if found else ""
