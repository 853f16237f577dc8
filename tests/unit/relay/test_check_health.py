"""`manage.py check_health web`: what its one request makes of the answers it gets."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO

import pytest
from django.core.management import CommandError, call_command


class Web:
    """A web process, or a proxy before one; answers each path with a status and a header."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, str, str]] = {}
        self.asked: list[str] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                web.asked.append(self.path)
                status, name, value = web.answers.get(self.path, (404, "X-None", ""))
                self.send_response(status)
                self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = answer  # noqa: N815 - the name that http.server wants

            def log_message(self, *args: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def web() -> Iterator[Web]:
    made = Web()
    threading.Thread(target=made.server.serve_forever, args=(0.01,), daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


def said_of(web: Web) -> str:
    said = StringIO()
    call_command("check_health", "web", url=web.origin, stdout=said)
    return said.getvalue()


def test_a_redirect_is_followed(web: Web) -> None:
    web.answers["/__lbheartbeat__"] = (301, "Location", f"{web.origin}/there")
    web.answers["/there"] = (200, "X-None", "")

    assert said_of(web) == "web: 200\n"


def test_a_redirect_to_a_sick_process_is_no_health(web: Web) -> None:
    web.answers["/__lbheartbeat__"] = (301, "Location", f"{web.origin}/there")

    with pytest.raises(CommandError, match="answers 404"):
        said_of(web)


def test_redirects_in_a_circle_end(web: Web) -> None:
    web.answers["/__lbheartbeat__"] = (301, "Location", "/__lbheartbeat__")

    with pytest.raises(CommandError, match=r"gives no answer: .*too many redirects"):
        said_of(web)
    assert len(web.asked) == 4


def test_a_process_that_asks_for_patience_is_not_healthy_now(web: Web) -> None:
    web.answers["/__lbheartbeat__"] = (503, "Retry-After", "60")

    with pytest.raises(CommandError, match="answers 503"):
        said_of(web)
    assert len(web.asked) == 1


def test_a_process_that_is_not_there_gives_no_answer(web: Web) -> None:
    web.server.shutdown()
    web.server.server_close()

    with pytest.raises(CommandError, match=r"web: http://.*/__lbheartbeat__ gives no answer: .+"):
        said_of(web)
