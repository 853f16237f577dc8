"""The processes of the deployment examples: command, settings, stop timeout and probes.

Compose, systemd and Kubernetes are parsed into one type, so that the same tests check all of them
against the code.
"""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
SYSTEMD = ROOT / "deploy" / "systemd"
KUBERNETES = ROOT / "deploy" / "kubernetes"


@dataclass(frozen=True)
class Example:
    """One process of one example, with its environment."""

    place: str
    name: str
    command: list[str]
    settings: Mapping[str, str]
    stop_seconds: int | None = None
    """Time from SIGTERM to SIGKILL; None if not configured."""
    probes: list[list[str]] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.place}-{self.name}"


def of_compose() -> Iterator[Example]:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    for name, service in services.items():
        if "environment" not in service or name in ("postgres", "redis"):
            continue
        probe = service.get("healthcheck", {}).get("test", ["CMD"])[1:]
        yield Example(
            "compose",
            name,
            service.get("command") or _command_of_image(),
            service["environment"],
            _seconds(service.get("stop_grace_period")),
            [probe] if probe else [],
        )


def _command_of_image() -> list[str]:
    last = (ROOT / "Dockerfile").read_text().rsplit("\nCMD ", 1)[1]
    command: list[str] = yaml.safe_load(last)
    return command


def _seconds(text: str | None) -> int | None:
    return None if text is None else int(text.removesuffix("s"))


def of_systemd() -> Iterator[Example]:
    for path in sorted(SYSTEMD.glob("*.service")):
        unit = unit_of(path)
        settings: dict[str, str] = {}
        for file in unit["EnvironmentFile"]:
            settings |= environment_file(SYSTEMD / f"{Path(file).name}.example")
        settings |= dict(line.split("=", 1) for line in unit.get("Environment", []))
        name = path.stem.removeprefix("mail-relay-").removesuffix("@")
        command = shlex.split(unit["ExecStart"][0])
        prefix = "/opt/mail-relay/.venv/bin/"
        assert command[0].startswith(prefix)
        yield Example(
            "systemd",
            name,
            [command[0].removeprefix(prefix), *command[1:]],
            settings,
            int(unit["TimeoutStopSec"][0]) if "TimeoutStopSec" in unit else None,
        )


def unit_of(path: Path) -> dict[str, list[str]]:
    """Parse a unit's [Service] section: all values by name."""
    collected: dict[str, list[str]] = {}
    section = ""
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            collected.setdefault(name, []).append(value)
    return collected


def environment_file(path: Path) -> dict[str, str]:
    """Parse an EnvironmentFile, commented-out settings included."""
    lines = (line.removeprefix("#") for line in path.read_text().splitlines())
    return dict(line.split("=", 1) for line in lines if line.split("=")[0].isupper())


@cache
def manifests(folder: str) -> list[dict[str, Any]]:
    """Parse all resources of a folder, without applying its kustomization."""
    return [
        document
        for path in sorted((KUBERNETES / folder).glob("*.yaml"))
        if path.name != "kustomization.yaml"
        for document in yaml.load_all(path.read_text(), yaml.CSafeLoader)
    ]


@cache
def config_maps(folder: str) -> dict[str, dict[str, str]]:
    """Return the ConfigMaps that a kustomization generates."""
    text = (KUBERNETES / folder / "kustomization.yaml").read_text()
    return {
        generator["name"]: dict(literal.split("=", 1) for literal in generator["literals"])
        for generator in yaml.safe_load(text)["configMapGenerator"]
    }


@cache
def secrets() -> dict[str, dict[str, str]]:
    """Return the example's Secrets, by name."""
    text = (KUBERNETES / "secret.example.yaml").read_text()
    return {one["metadata"]["name"]: one["stringData"] for one in yaml.safe_load_all(text)}


def pods() -> dict[str, dict[str, Any]]:
    """Return the pod specs of all Deployments and Jobs, by name."""
    return {
        manifest["metadata"]["name"]: manifest["spec"]["template"]["spec"]
        for manifest in manifests("base")
        if manifest["kind"] in {"Deployment", "Job"}
    }


def of_kubernetes() -> Iterator[Example]:
    for name, pod in pods().items():
        for container in pod["containers"] + pod.get("initContainers", []):
            settings: dict[str, str] = {}
            for source in container["envFrom"]:
                if "configMapRef" in source:
                    settings |= config_maps("base")[source["configMapRef"]["name"]]
                else:
                    settings |= secrets()[source["secretRef"]["name"]]
            settings |= {one["name"]: one["value"] for one in container.get("env", [])}
            probes = [
                container[kind]["exec"]["command"]
                for kind in ("startupProbe", "livenessProbe", "readinessProbe")
                if "exec" in container.get(kind, {})
            ]
            yield Example(
                "kubernetes",
                name if container["name"] == name else f"{name}-{container['name']}",
                container["args"],
                settings,
                pod.get("terminationGracePeriodSeconds"),
                probes,
            )


EXAMPLES = [*of_compose(), *of_systemd(), *of_kubernetes()]
