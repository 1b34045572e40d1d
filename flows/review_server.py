"""A server on loopback for the page of suspects, which saves the decisions made on it.

Only those who know the address may decide, because it holds a random token. Others get 403: another user of this
machine, a web page from elsewhere that guesses the port (foreign Origin), and one whose host name was made to point to
this machine (foreign Host).
"""

import hmac
import re
import secrets
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from ..pipeline.data.review.csv_file import merged, parse_review, review_bytes
from ..pipeline.data.review.decisions import Review
from ..pipeline.errors import DataError
from ..pipeline.storage.publish import publish_bytes

MAX_BYTES = 8 * 2**20
"""Limit for the decisions of one page: some 100,000 lines."""

SAVE = "save"
"""The address to which the page posts its decisions, relative to its own."""

_SECONDS = 30.0
"""Timeout for receiving a request."""


class ReviewFile:
    """The file of decisions: `before` holds those from when the page was made, `now` all decisions so far."""

    def __init__(self, path: Path) -> None:
        """Raises: DataError if the file exists and is not a review."""
        self._path = path
        self._written = self._content()
        self.before = Review() if self._written is None else parse_review(self._written, str(path))
        self._lock = threading.Lock()
        self.now = self.before

    def save(self, content: bytes) -> None:
        """Write the earlier decisions merged with those of the page; the page wins where both decide the same row or
        pair.

        content: all decisions of the page, as CSV.
        Raises: DataError if it is not a review, or another program has changed the file meanwhile.
        """
        posted = parse_review(content, "of the page")
        with self._lock:
            if self._content() != self._written:
                raise DataError(
                    f"{self._path} was changed by another program: start `tripletmine review` again, and decide there"
                )
            review = merged(self.before, posted)
            written = review_bytes(review)
            publish_bytes(self._path, written)
            self.now, self._written = review, written

    def _content(self) -> bytes | None:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None


class ReviewServer(ThreadingHTTPServer):
    """Serves one page on a free port of 127.0.0.1 and saves its decisions. A context manager, like its base class."""

    daemon_threads = True

    def __init__(self, page: bytes, file: ReviewFile) -> None:
        """page: HTML that posts its decisions to `SAVE`."""
        self.page, self.file = page, file
        self.token = secrets.token_urlsafe(32)
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hosts = {f"{name}:{self.server_port}" for name in ("127.0.0.1", "localhost")}

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://127.0.0.1:{self.server_port}/{self.token}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore broken connections."""


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer  # pyright: ignore[reportIncompatibleVariableOverride]  it is the one that makes handlers
    timeout = _SECONDS
    server_version = "tripletmine"
    sys_version = ""

    def do_GET(self) -> None:
        place = self._place()
        if place is None:
            self._answer(HTTPStatus.FORBIDDEN)
        elif place:
            self._answer(HTTPStatus.NOT_FOUND)
        else:
            self._answer(HTTPStatus.OK, self.server.page, "text/html; charset=utf-8")

    def do_POST(self) -> None:
        self.close_connection = True  # an unread body must not be parsed as the next request
        refused = self._refused()
        if refused is not None:
            self._answer(refused)
            return
        length = int(self.headers["Content-Length"])
        content = self.rfile.read(length)
        if len(content) < length:
            self._answer(HTTPStatus.BAD_REQUEST)
            return
        try:
            self.server.file.save(content)
        except DataError as error:
            self._answer(HTTPStatus.UNPROCESSABLE_ENTITY, str(error).encode())
        except OSError as error:
            self._answer(HTTPStatus.INSUFFICIENT_STORAGE, str(error.strerror).encode())
        else:
            self._answer(HTTPStatus.NO_CONTENT)

    def _refused(self) -> HTTPStatus | None:
        """The status with which a POST is refused before its body is read, or None."""
        place, length = self._place(), self.headers.get("Content-Length", "")
        checks = (
            (place is None, HTTPStatus.FORBIDDEN),
            (place != SAVE, HTTPStatus.NOT_FOUND),
            (self.headers.get_content_type() != "text/csv", HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
            (not re.fullmatch("[0-9]{1,18}", length), HTTPStatus.LENGTH_REQUIRED),
            (length.isdecimal() and int(length[:18]) > MAX_BYTES, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
        )
        return next((status for refused, status in checks if refused), None)

    def _place(self) -> str | None:
        """The requested path below the token; None if the token, Host or Origin is wrong."""
        hosts = self.server.hosts
        origin = self.headers.get("Origin")
        if self.headers.get("Host") not in hosts or origin not in (
            None,
            *(f"http://{host}" for host in hosts),
        ):
            return None
        token, _, place = self.path.removeprefix("/").partition("/")
        known = hmac.compare_digest(token.encode(errors="replace"), self.server.token.encode())
        return place if known else None

    def _answer(
        self, status: HTTPStatus, content: bytes = b"", kind: str = "text/plain; charset=utf-8"
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("X-Frame-Options", "DENY")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the terminal shows only the address and the result."""
