"""A real Prometheus with the alerts of `deploy/`, on a relay's processes. Debian: `prometheus`."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tools.local.processes import Process, free_port, is_listening, passed_on

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "alerts.yml"

_CONFIG = """
global: {{scrape_interval: 5s, evaluation_interval: 5s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: mail-relay-bridge
    static_configs: [{{targets: ["127.0.0.1:{bridge}"]}}]
  - job_name: mail-relay-worker
    static_configs: [{{targets: ["127.0.0.1:{workers}"]}}]
"""


def find_prometheus() -> str | None:
    """Return the program's path; None if this machine has none."""
    return shutil.which("prometheus")


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert that is pending or firing, named with its cause, if it has one."""

    name: str
    is_page: bool
    is_firing: bool


class Alarms:
    """Prometheus, scraping a bridge and workers at these ports."""

    def __init__(self, folder: Path, program: str, *, bridge: int, workers: int) -> None:
        config = folder / "prometheus.yml"
        config.write_text(_CONFIG.format(rules=RULES, bridge=bridge, workers=workers))
        port = free_port()
        self._url = f"http://127.0.0.1:{port}"
        command = [program, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}"]
        command += [f"--storage.tsdb.path={folder / 'prometheus'}", "--log.level=warn"]
        self._process = Process("prometheus", command, passed_on(), folder / "prometheus.log")
        self._process.wait_until(lambda: is_listening(port))

    def pages(self) -> set[str]:
        """Return the alerts that page at the moment."""
        return {one.name for one in self.active() or () if one.is_page and one.is_firing}

    def active(self) -> set[Alert] | None:
        """Return the alerts that are pending or firing at the moment; None: nobody answers."""
        try:
            with urlopen(f"{self._url}/api/v1/alerts", timeout=5) as answer:
                found = json.load(answer)["data"]["alerts"]
        except (URLError, OSError, ValueError):
            return None
        return {
            Alert(
                " ".join(filter(None, (one["labels"]["alertname"], one["labels"].get("cause")))),
                is_page=one["labels"]["severity"] == "page",
                is_firing=one["state"] == "firing",
            )
            for one in found
        }

    def stop(self) -> None:
        """Stop it."""
        self._process.stop()
