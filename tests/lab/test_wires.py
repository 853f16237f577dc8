"""The wires themselves, between a client and a server that sends everything back."""

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.lab.wires import NONE, Trouble, Wire
from tests.waiting import wait_until


class Echo:
    """Sends back what it receives, and remembers it."""

    def __init__(self) -> None:
        self.heard = b""
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                one, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(one,), daemon=True).start()

    def _answer(self, one: socket.socket) -> None:
        try:
            while data := one.recv(1024):
                self.heard += data
                one.sendall(data)
        except OSError:
            return


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.stop()


@pytest.fixture
def wire(echo: Echo) -> Iterator[Wire]:
    wire = Wire(echo.port)
    yield wire
    wire.close()


def connected(wire: Wire, timeout_seconds: float = 5) -> socket.socket:
    return socket.create_connection(("127.0.0.1", wire.port), timeout_seconds)


def asked(client: socket.socket, text: bytes) -> bytes:
    client.sendall(text)
    return client.recv(1024)


def _connect_and_ask(wire: Wire) -> bytes:
    with connected(wire) as client:
        return asked(client, b"one")


def test_a_wire_without_trouble_passes_everything(wire: Wire) -> None:
    with connected(wire) as client:
        assert asked(client, b"one") == b"one"
        assert asked(client, b"two") == b"two"


def test_a_wire_takes_the_place_of_the_servers_address(wire: Wire) -> None:
    here = f"127.0.0.1:{wire.port}"
    assert wire.url("redis://127.0.0.1:6379/0") == f"redis://{here}/0"
    assert wire.url("postgresql://me@127.0.0.1/db") == f"postgresql://me@{here}/db"


def test_a_cut_resets_open_connections_only(wire: Wire) -> None:
    with connected(wire) as client:
        asked(client, b"one")
        wire.cut()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    with connected(wire) as client:
        assert asked(client, b"two") == b"two"


def test_a_refusing_wire_resets_new_connections(wire: Wire) -> None:
    wire.suffer(Trouble(is_refused=True))
    with pytest.raises(ConnectionError):
        _connect_and_ask(wire)


def test_what_a_silent_wire_holds_passes_later(wire: Wire, echo: Echo) -> None:
    with connected(wire) as client:
        wire.suffer(Trouble(is_silent=True))
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            asked(client, b"one")
        assert echo.heard == b""

        wire.suffer(NONE)
        client.settimeout(5)
        assert client.recv(1024) == b"one"


def test_a_wire_that_loses_answers_lets_the_server_act(wire: Wire, echo: Echo) -> None:
    with connected(wire) as client:
        wire.suffer(Trouble(loses_answers=True))
        client.sendall(b"one")
        wait_until("the server has it", lambda: echo.heard == b"one")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)

        wire.suffer(NONE)
        client.settimeout(5)
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_an_idle_connection_is_reset_when_it_is_used_again(wire: Wire, echo: Echo) -> None:
    with connected(wire) as client:
        asked(client, b"one")
        wire.suffer(Trouble(idle_seconds=0))
        with pytest.raises(ConnectionResetError):
            asked(client, b"two")
    assert echo.heard == b"one"


def test_a_wire_may_lead_elsewhere_for_new_connections_only(wire: Wire, echo: Echo) -> None:
    other = Echo()
    with connected(wire) as before:
        asked(before, b"one")
        wire.lead_to(other.port)
        with connected(wire) as after:
            asked(after, b"two")
            asked(before, b"three")
            assert (echo.heard, other.heard) == (b"onethree", b"two")
            assert (wire.connections_to(echo.port), wire.connections_to(other.port)) == (1, 1)
    other.stop()


def test_an_end_of_file_passes(wire: Wire) -> None:
    with connected(wire) as client:
        asked(client, b"one")
    wait_until("nothing stays open", lambda: wire.connections_to(wire.target) == 0)
