"""Real requests to the page that saves decisions: who may ask, what is accepted, what is on disk afterwards."""

import http.client
import socket
import threading
from contextlib import contextmanager

import pytest
from tripletmine.flows.review_server import MAX_BYTES, SAVE, ReviewFile, ReviewServer
from tripletmine.pipeline.data.review.csv_file import read_review, write_review
from tripletmine.pipeline.data.review.decisions import Review
from tripletmine.pipeline.errors import DataError

from ...waiting import PATIENCE_SECONDS

PAGE = b"<!doctype html><title>suspects</title>"
HEAD = "decision,key,other_key,label\n"


@contextmanager
def serving(path):
    with ReviewServer(PAGE, ReviewFile(path)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "review.csv"


@pytest.fixture
def server(path):
    with serving(path) as server:
        yield server


def ask(server, method="GET", place="", body=None, token=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=PATIENCE_SECONDS)
    target = f"/{server.token if token is None else token}/{place}"
    kind = {"Content-Type": "text/csv"} if method == "POST" else {}
    connection.request(method, target, body, {**kind, **headers})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


def post(server, text, **headers):
    return ask(server, "POST", SAVE, text.encode(), **headers)[0].status


def test_the_page_is_there_for_whoever_has_its_address(server):
    answer, content = ask(server)
    assert (answer.status, content) == (200, PAGE)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer", "the token must not travel"
    assert "Python" not in answer.headers["Server"]
    assert server.server_address[0] == "127.0.0.1"
    assert ask(server, place="other")[0].status == 404


@pytest.mark.parametrize("token", ["", "x", "../../etc/passwd", "%C3%A9", "a" * 43])
def test_another_user_of_the_machine_gets_nothing(server, path, token):
    for method in ("GET", "POST"):
        answer, content = ask(server, method, SAVE, HEAD.encode(), token=token)
        assert (answer.status, content) == (403, b"")
    assert not path.exists()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1:1"},
    ],
)
def test_a_foreign_page_gets_nothing_even_with_the_token(server, path, headers):
    assert ask(server, **headers)[0].status == 403
    assert post(server, HEAD + "exclude,a,,\n", **headers) == 403
    assert not path.exists()


def test_decisions_are_on_disk_when_the_answer_comes(server, path):
    own = {"Origin": f"http://127.0.0.1:{server.server_port}"}
    assert post(server, HEAD + "exclude,a,,\nnever_negative,b,c,\n", **own) == 204
    assert read_review(path) == Review(excluded=frozenset({"a"}), never_negatives=frozenset({("b", "c")}))
    assert post(server, HEAD + "keep,a,,\n") == 204
    assert read_review(path) == Review(kept=frozenset({"a"})), "the page always sends all that it has"
    assert [each.name for each in path.parent.iterdir()] == ["review.csv"]


def test_what_was_decided_before_stays(path):
    write_review(path, Review(excluded=frozenset({"old"}), kept=frozenset({"a"})))
    with serving(path) as server:
        assert post(server, HEAD + "relabel,a,,oak\n") == 204
        assert post(server, HEAD + "relabel,b,,elm\n") == 204
    assert read_review(path) == Review(
        relabelled={"b": "elm"}, excluded=frozenset({"old"}), kept=frozenset({"a"})
    )


def test_a_file_that_somebody_else_changes_is_not_overwritten(server, path):
    assert post(server, HEAD + "exclude,a,,\n") == 204
    write_review(path, Review(excluded=frozenset({"by hand"})))
    answer, content = ask(server, "POST", SAVE, (HEAD + "exclude,b,,\n").encode())
    assert answer.status == 422
    assert b"was changed by another program: start `tripletmine review` again" in content
    assert read_review(path) == Review(excluded=frozenset({"by hand"}))


def test_what_is_no_review_is_refused_and_nothing_written(server, path):
    answer, content = ask(server, "POST", SAVE, (HEAD + "exclude,a,,\nkeep,a,,\n").encode())
    assert answer.status == 422
    assert b"line 3, says keep" in content
    assert ask(server, "POST", SAVE, b"\xff\xfe")[0].status == 422
    assert post(server, HEAD, **{"Content-Type": "application/x-www-form-urlencoded"}) == 415
    assert ask(server, "POST", "elsewhere", HEAD.encode())[0].status == 404
    assert ask(server, "PUT", SAVE, HEAD.encode())[0].status == 501
    assert not path.exists()


def test_a_body_without_end_is_not_read(server, path):
    def raw(head, body=b""):
        with socket.create_connection(("127.0.0.1", server.server_port), 10) as connection:
            host = f"Host: 127.0.0.1:{server.server_port}\r\nContent-Type: text/csv\r\n"
            connection.sendall(f"POST /{server.token}/{SAVE} HTTP/1.1\r\n{host}{head}\r\n".encode() + body)
            connection.shutdown(socket.SHUT_WR)
            return int(connection.recv(100).split()[1])

    assert raw(f"Content-Length: {MAX_BYTES + 1}\r\n") == 413
    assert raw("Content-Length: -1\r\n") == 411
    assert raw("Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n") == 411
    assert raw("Content-Length: 100\r\n", HEAD.encode()) == 400, "cut short"
    assert not path.exists()


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    with serving(tmp_path / "file" / "review.csv") as server:
        (tmp_path / "file").write_text("no folder")
        answer, content = ask(server, "POST", SAVE, (HEAD + "exclude,a,,\n").encode())
        assert answer.status in (422, 507)
        assert content


def test_a_file_that_is_no_review_is_found_at_the_start(path):
    path.write_text("my thesis")
    with pytest.raises(DataError, match="its first line must be"):
        ReviewFile(path)
