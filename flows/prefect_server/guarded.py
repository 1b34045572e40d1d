"""Prefect's application as a private server serves it: only to requests for this machine that carry the key."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_HOSTS = ("127.0.0.1", "localhost")


def guarded_app() -> "ASGIApp":
    """Prefect's application, configured by Prefect's settings, which hold the key.

    Requests with a foreign Host header are refused, which Prefect does not do by itself. Otherwise a web page whose
    host name was made to point to 127.0.0.1 (DNS rebinding) would share the server's origin.
    """
    from prefect.server.api.server import create_app
    from prefect.settings import get_current_settings
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    app = create_app()
    served = app if get_current_settings().server.ui.enabled else OnlyApi(app)
    return TrustedHostMiddleware(served, allowed_hosts=_HOSTS, www_redirect=False)


class OnlyApi:
    """An application restricted to `/api`. Outside of it, Prefect serves pages and schemas without asking for a key."""

    def __init__(self, app: "ASGIApp") -> None:
        self._app = app

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Handle one ASGI request."""
        from starlette.responses import PlainTextResponse

        if scope["type"] == "http" and not scope["path"].startswith("/api/"):
            await PlainTextResponse("only /api is served here", status_code=404)(scope, receive, send)
        else:
            await self._app(scope, receive, send)
