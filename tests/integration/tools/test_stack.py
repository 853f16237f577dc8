"""The relay's processes leave nothing on the machine that they are tried on."""

from pathlib import Path
from urllib.request import urlopen

from tests.integration.conftest import Relay
from tests.waiting import wait_until


def test_the_web_process_writes_nothing_into_a_home(relay: Relay, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()

    web, origin = relay.stack.start_web(HOME=str(home))
    assert urlopen(f"{origin}/__lbheartbeat__").status == 200
    wait_until("a worker", lambda: "Booting worker" in web.log.read_text())
    web.stop()

    assert list(home.iterdir()) == []
