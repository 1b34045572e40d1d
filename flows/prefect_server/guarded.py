"""Prefect's application as a private server shows it: to requests for this machine, by whoever has the key."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_HOSTS = ("127.0.0.1", "localhost")


def guarded_app() -> "ASGIApp":
    """The application by Prefect's settings, which hold the key.

    Prefect does not look at the Host header: a web page whose name was made to point to 127.0.0.1 would be of the
    server's own origin.
    """
    from prefect.server.api.server import create_app
    from prefect.settings import get_current_settings
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = create_app()
    served = app if get_current_settings().server.ui.enabled else OnlyApi(app)
    return TrustedHostMiddleware(served, allowed_hosts=_HOSTS, www_redirect=False)


class OnlyApi:
    """An application without what it serves outside of `/api`, where Prefect asks for no key: pages and schemas."""

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """One request, as ASGI has it."""
        from starlette.responses import PlainTextResponse

        if scope["type"] == "http" and not scope["path"].startswith("/api/"):
            await PlainTextResponse("only /api is served here", status_code=404)(scope, receive, send)
        else:
            await self._app(scope, receive, send)
