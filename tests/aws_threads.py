"""The two simulated AWS servers, as threads of the test process."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from threading import Thread

from werkzeug.serving import make_server as make_wsgi_server

from tests.waiting import wait_until
from tools.aws.fast_aws import FastAws
from tools.aws.server import make_server
from tools.local.aws import LocalAws
from tools.local.moto import make_application
from tools.local.processes import is_listening


class _InProcess:
    """A server in this process."""

    pid = os.getpid()

    def __init__(self, stop: Callable[[], None]) -> None:
        self.stop = stop


class MotoThread(LocalAws):
    """moto."""

    def _start(self, host: str, port: int, log: Path) -> _InProcess:
        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        server = make_wsgi_server(host, port, make_application(), threaded=True)
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()

        def stop() -> None:
            server.shutdown()
            thread.join()

        return _InProcess(stop)


class FastAwsThread(FastAws):
    """The fast local AWS."""

    def _start(self, host: str, port: int, log: Path) -> _InProcess:
        server = make_server(host, port)
        thread = Thread(target=server.run, daemon=True)
        thread.start()
        wait_until("the fast AWS listens", lambda: is_listening(port))

        def stop() -> None:
            server.should_exit = True
            thread.join()

        return _InProcess(stop)
