"""The network policies: each pod may connect to what its process uses, and to nothing else."""

from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

import pytest

from bridge.config import BridgeConfig
from runtime.env import describe
from tests.unit.deploy.examples import pods, secrets
from tests.unit.deploy.test_kubernetes import Manifest, of_kind

POLICIES = of_kind("NetworkPolicy")
USES = {
    "bridge": {"to-dns", "to-redis", "to-aws", "to-statsd"},
    "worker": {"to-dns", "to-redis", "to-postgresql", "to-aws", "to-statsd"},
    "web": {"to-dns", "to-redis", "to-postgresql", "to-aws", "to-statsd"},
    "scheduler": {"to-dns", "to-redis"},
    "migrate": {"to-dns", "to-postgresql"},
}
"""What docs/architecture.md says that each process uses."""


def is_for(policy: Manifest, name: str) -> bool:
    selector = policy["spec"]["podSelector"]
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "mail-relay"}
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels[one["key"]] in one["values"] for one in selector.get("matchExpressions", [])
    )


def test_nothing_comes_in_or_goes_out_but_what_a_policy_allows() -> None:
    first = POLICIES["nothing-comes-in-or-goes-out"]["spec"]

    assert first["policyTypes"] == ["Ingress", "Egress"]
    assert first.keys() == {"podSelector", "policyTypes"}
    assert all(is_for(POLICIES["nothing-comes-in-or-goes-out"], name) for name in pods())


@pytest.mark.parametrize("name", pods())
def test_a_pod_may_connect_to_what_its_process_uses_and_no_more(name: str) -> None:
    outgoing = {
        policy for policy, one in POLICIES.items() if is_for(one, name) and "egress" in one["spec"]
    }

    assert outgoing == USES[name]


def test_pods_may_connect_where_their_secrets_lead_to() -> None:
    ports = {
        port["port"]
        for policy in POLICIES.values()
        for rule in policy["spec"].get("egress", [])
        for port in rule["ports"]
    }
    urls = [value for secret in secrets().values() for value in secret.values() if "://" in value]

    assert {urlsplit(url).port for url in urls} == {5432, 6379}
    assert ports == {53, 80, 443, 5432, 6379, 8125}
    (statsd,) = [one.default for one in describe(BridgeConfig) if one.name == "STATSD_PORT"]
    assert statsd == "8125"


def test_no_pod_reaches_the_nodes_metadata() -> None:
    """Who asks there gets the credentials of the machine."""
    for policy in POLICIES.values():
        for rule in policy["spec"].get("egress", []):
            for port in rule["ports"]:
                if port["port"] not in (80, 443):
                    continue
                for peer in rule["to"]:
                    block = ip_network(peer["ipBlock"]["cidr"])
                    left_out = [ip_network(one) for one in peer["ipBlock"].get("except", [])]
                    for metadata in ("169.254.169.254", "fd00:ec2::254"):
                        address = ip_address(metadata)
                        assert address not in block or any(address in one for one in left_out)


def test_only_the_proxy_connects_to_web_and_nobody_to_the_others() -> None:
    incoming = {name: one for name, one in POLICIES.items() if "ingress" in one["spec"]}

    assert incoming.keys() == {"web-from-the-proxy"}
    (rule,) = incoming["web-from-the-proxy"]["spec"]["ingress"]
    assert all("namespaceSelector" in peer for peer in rule["from"])
    assert rule["ports"] == [{"port": "http", "protocol": "TCP"}]
