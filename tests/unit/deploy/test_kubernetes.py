"""The manifests: Kubernetes' schemas, and what they say of each other and of the code."""

import re
from typing import Any

import kubernetes_validate
import pytest
import yaml
from django.conf import settings as django_settings
from django.test import Client

from bridge.config import BridgeConfig
from relay.config import RelayConfig
from relay.operations.gauges import backlog_gauges
from relay.operations.judgement.backlog import Backlog, Part
from runtime.env import describe
from tests.unit.deploy.examples import KUBERNETES, ROOT, config_maps, manifests, pods, secrets

Manifest = dict[str, Any]
LONG_RUNNING = ("bridge", "scheduler", "web", "worker")
FOLDERS = ("base", "autoscaling", "prometheus", "prometheus-operator", "example")
ALL = [manifest for folder in FOLDERS for manifest in manifests(folder)]
SECRETS = list(yaml.safe_load_all((KUBERNETES / "secret.example.yaml").read_text()))


def name_of(manifest: Manifest) -> str:
    return f"{manifest['kind']}-{manifest['metadata']['name']}"


def of_kind(kind: str, folder: str = "base") -> dict[str, Manifest]:
    return {m["metadata"]["name"]: m for m in manifests(folder) if m["kind"] == kind}


def kustomization(folder: str) -> Manifest:
    text = (KUBERNETES / folder / "kustomization.yaml").read_text()
    read: Manifest = yaml.safe_load(text)
    return read


every_manifest = pytest.mark.parametrize(
    "manifest",
    [m for m in ALL + SECRETS if not m["apiVersion"].startswith(("keda.sh", "monitoring.coreos"))],
    ids=name_of,
)
every_pod = pytest.mark.parametrize("pod", pods().values(), ids=pods())
every_container = pytest.mark.parametrize(
    "container",
    [c for pod in pods().values() for c in pod["containers"] + pod.get("initContainers", [])],
    ids=lambda container: container["name"],
)


@every_manifest
def test_it_is_what_kubernetes_schema_allows_and_no_more(manifest: Manifest) -> None:
    version = kubernetes_validate.latest_version()

    kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_there_is_part_of_its_kustomization(folder: str) -> None:
    listed = {name for name in kustomization(folder)["resources"] if name.endswith(".yaml")}
    there = {path.name for path in (KUBERNETES / folder).glob("*.yaml")} - {"kustomization.yaml"}

    assert listed == there


def test_the_example_is_made_of_the_base_and_the_autoscaling() -> None:
    example = kustomization("example")

    assert "../base" in example["resources"]
    assert example["components"] == ["../autoscaling"]
    (image,) = example["images"]
    assert {c["image"] for pod in pods().values() for c in pod["containers"]} == {image["name"]}


def test_the_example_changes_settings_that_there_are() -> None:
    known = {setting.name for setting in (*describe(BridgeConfig), *describe(RelayConfig))}

    assert config_maps("example").keys() == config_maps("base").keys()
    for literals in config_maps("example").values():
        assert literals.keys() <= known


def test_what_is_secret_lies_in_secrets_and_nothing_else_does() -> None:
    declared = {
        s.name for s in (*describe(BridgeConfig), *describe(RelayConfig)) if s.kind.is_secret
    }
    in_secrets = {setting for one in secrets().values() for setting in one}

    assert in_secrets == declared
    for folder in ("base", "example"):
        assert all(declared.isdisjoint(literals) for literals in config_maps(folder).values())


# --- the pods ------------------------------------------------------------------------------------


@every_container
def test_a_container_can_do_nothing_that_it_need_not(container: Manifest) -> None:
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {mount["mountPath"] for mount in container["volumeMounts"]} == {"/tmp"}


@every_container
def test_a_container_has_its_share_of_the_machine_and_a_bound_on_its_memory(
    container: Manifest,
) -> None:
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert "memory" in container["resources"]["limits"]


@every_pod
def test_a_pod_does_not_run_as_root_and_has_no_token_of_the_cluster(pod: Manifest) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] in of_kind("ServiceAccount")
    assert [volume["name"] for volume in pod["volumes"]] == ["tmp"]
    assert "sizeLimit" in pod["volumes"][0]["emptyDir"]


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_what_runs_for_long_is_probed(name: str) -> None:
    (container,) = pods()[name]["containers"]

    assert "livenessProbe" in container
    assert "startupProbe" in container or "initialDelaySeconds" in container["livenessProbe"]


@pytest.mark.parametrize("name", ["bridge", "scheduler", "worker"])
def test_a_probe_that_needs_redis_outlasts_its_absence(name: str) -> None:
    """Starting anew brings Redis back no sooner, and is put off longer each time."""
    (container,) = pods()[name]["containers"]

    live, start = container["livenessProbe"], container["startupProbe"]
    assert live["failureThreshold"] * live["periodSeconds"] >= 600
    assert start["failureThreshold"] * start["periodSeconds"] >= 300


@every_pod
def test_no_service_of_the_namespace_gets_into_the_settings(pod: Manifest) -> None:
    assert pod["enableServiceLinks"] is False


def test_a_worker_is_promised_the_memory_that_its_processes_have() -> None:
    """docs/performance.md: 114 MB each; and the master, and a probe at a time."""
    (container,) = pods()["worker"]["containers"]
    processes = int(container["args"][container["args"].index("--processes") + 1])

    requested = int(container["resources"]["requests"]["memory"].removesuffix("Mi"))
    assert requested * 2**20 >= (processes * 114 + 25 + 80) * 10**6


def test_prometheus_is_let_in_where_metrics_are_served() -> None:
    settings = config_maps("prometheus")["mail-relay"]
    (policy,) = manifests("prometheus")

    assert settings["METRICS_BACKEND"] == "prometheus"
    assert settings["PROMETHEUS_HOST"] == "0.0.0.0"
    ((port,),) = [rule["ports"] for rule in policy["spec"]["ingress"]]
    assert str(port["port"]) == settings["PROMETHEUS_PORT"]
    (expression,) = policy["spec"]["podSelector"]["matchExpressions"]
    assert expression["values"] == ["bridge", "worker"]


def test_the_prometheus_operator_scrapes_the_port_where_metrics_are_served() -> None:
    settings = config_maps("prometheus")["mail-relay"]
    (monitor,) = manifests("prometheus-operator")
    (patch,) = kustomization("prometheus-operator")["patches"]
    (operation,) = yaml.safe_load(patch["patch"])
    (port,) = operation["value"]
    (expression,) = monitor["spec"]["selector"]["matchExpressions"]
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]

    assert str(port["containerPort"]) == settings["PROMETHEUS_PORT"]
    assert endpoint["port"] == port["name"]
    assert patch["target"] == {"kind": "Deployment", "name": "|".join(expression["values"])}
    for name in expression["values"]:
        (container,) = pods()[name]["containers"]
        assert "ports" not in container, "the patch would replace them"


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_a_selector_finds_its_own_pods(name: str) -> None:
    spec = of_kind("Deployment")[name]["spec"]

    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()


def test_a_budget_for_disruption_never_blocks_a_drain() -> None:
    for name, budget in of_kind("PodDisruptionBudget").items():
        deployment = of_kind("Deployment")[name]
        assert budget["spec"]["selector"] == deployment["spec"]["selector"]
        assert deployment["spec"]["replicas"] > budget["spec"]["maxUnavailable"]


def test_there_is_never_a_second_scheduler() -> None:
    spec = of_kind("Deployment")["scheduler"]["spec"]

    assert (spec["replicas"], spec["strategy"]["type"]) == (1, "Recreate")


def test_the_webs_probe_gets_its_page() -> None:
    (container,) = pods()["web"]["containers"]
    page = container["readinessProbe"]["httpGet"]

    assert django_settings.SECURE_SSL_REDIRECT
    answer = Client().get(page["path"], SERVER_NAME="10.0.0.7")
    assert answer.status_code == 200, "by plain HTTP, and whatever ALLOWED_HOSTS is"


# --- autoscaling: KEDA has schemas of its own; what we use of them stands here --------------------

TRIGGERS = {
    "aws-sqs-queue": {"queueURLFromEnv", "awsRegion", "queueLength", "scaleOnInFlight"},
    "prometheus": {"serverAddress", "query", "threshold"},
    "cpu": {"value"},
}
SCALERS = of_kind("ScaledObject", "autoscaling")


def triggers(kind: str) -> list[Manifest]:
    return [t for s in SCALERS.values() for t in s["spec"]["triggers"] if t["type"] == kind]


def test_a_scaler_scales_a_deployment_within_bounds() -> None:
    assert SCALERS.keys() == {"bridge", "worker"}
    for name, scaler in SCALERS.items():
        spec = scaler["spec"]
        assert spec["scaleTargetRef"]["name"] == name
        assert name in of_kind("Deployment")
        fallback = spec.get("fallback", {"replicas": spec["minReplicaCount"]})
        assert 1 <= spec["minReplicaCount"] <= fallback["replicas"] <= spec["maxReplicaCount"]


def test_a_trigger_says_what_keda_wants_to_know_as_text() -> None:
    known = of_kind("TriggerAuthentication", "autoscaling")
    for scaler in SCALERS.values():
        for trigger in scaler["spec"]["triggers"]:
            assert trigger["metadata"].keys() == TRIGGERS[trigger["type"]]
            assert all(isinstance(value, str) for value in trigger["metadata"].values())
            if trigger["type"] == "aws-sqs-queue":
                assert trigger["authenticationRef"]["name"] in known


def test_workers_are_scaled_by_the_time_that_mail_waits() -> None:
    (trigger,) = triggers("prometheus")
    asked, threshold = trigger["metadata"]["query"], trigger["metadata"]["threshold"]

    assert trigger["metricType"] == "Value", "twice the time, twice the workers"
    assert asked.endswith(f"or on () vector({threshold})"), "else their number stays"
    names = {gauge.name for gauge in backlog_gauges(Backlog(1, 1, 1, Part.SES))}
    assert set(re.findall(r"mail_relay_(\w+)", asked)) <= names
    assert re.findall(r'part=~"([^"]+)"', asked) == [f"{Part.WORKERS}|{Part.NOTHING}"]
    tried = yaml.safe_load((ROOT / ".ci" / "alerts.yml").read_text())["tests"]
    asked_there = {one["expr"] for test in tried for one in test.get("promql_expr_test", ())}
    assert asked in asked_there, ".ci/alerts.py tries it on Prometheus"


def test_the_queue_is_the_one_that_the_pods_are_told() -> None:
    for trigger in triggers("aws-sqs-queue"):
        name = trigger["metadata"]["queueURLFromEnv"]
        assert name in config_maps("base")["mail-relay"]
    (replacement,) = kustomization("example")["replacements"]
    assert replacement["source"]["fieldPath"] == "data.AWS_REGION"


def test_all_workers_at_their_most_have_enough_in_flight_to_be_busy() -> None:
    (container,) = pods()["worker"]["containers"]
    arguments = container["args"]
    number = {
        option: int(arguments[arguments.index(option) + 1])
        for option in ("--processes", "--threads")
    }
    most = SCALERS["worker"]["spec"]["maxReplicaCount"]
    in_flight = int(config_maps("base")["mail-relay-bridge"]["PROCESS_EMAIL_MAX_IN_FLIGHT"])

    threads = most * number["--processes"] * number["--threads"]
    assert in_flight == 4 * threads, "one at work, two fetched, one to be acknowledged"
