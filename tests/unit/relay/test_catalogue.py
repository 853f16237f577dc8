"""docs/metrics.md is the catalogue of all metrics and log lines: held to the code, both ways."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.urls import reverse

from bridge.dispositions import Disposition
from bridge.totals import Totals
from relay.operations.dashboard.runbook import rendered
from runtime.prometheus import prometheus_name
from tests.unit.relay.emissions import ROOT, LogLine, Metric, log_lines, metrics

PAGE = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
RUNBOOK = ROOT / "docs" / "runbook.md"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
GRAFANA = ROOT / "deploy" / "grafana" / "dashboard.json"

KINDS = {"counter": "incr", "timing": "timing", "size": "histogram", "gauge": "gauge"}
FROM_ELSEWHERE = {
    "cycle": frozenset(Disposition),
    "bridge stopped": frozenset(Totals().as_fields()),
}
"""Fields whose names are made outside of the module that logs them."""


def rows(section: str) -> list[list[str]]:
    """The table of a section, without its head."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in table if row[0] != "`message`"]


def words(cell: str) -> list[str]:
    """The words in a cell that are set as code, without those in brackets, which are values."""
    return re.findall(r"`([^`]+)`", re.sub(r"\([^)]*\)", "", cell))


def documented_metrics() -> set[Metric]:
    return {
        Metric(words(name)[0], KINDS[kind], tuple(words(tags)))
        for name, kind, tags, _ in rows("Metrics")
    }


def documented_fields() -> dict[str, set[str]]:
    """The fields of each message; "the same" are those of the row above."""
    fields: dict[str, set[str]] = {}
    above: set[str] = set()
    for message, _, cell in rows("Log lines"):
        above = set(words(cell)) | (above if cell.startswith("the same") else set())
        fields[words(message)[0]] = above
    return fields


LINES = list(log_lines())


def test_every_metric_is_documented_and_no_other() -> None:
    assert documented_metrics() == set(metrics())


def test_every_log_message_is_documented_and_no_other() -> None:
    assert set(documented_fields()) == {line.message for line in LINES}


def test_a_line_about_a_failed_server_says_where_it_is_and_its_words() -> None:
    """`fields_of` does; the two that make the field themselves have AWS's or PostgreSQL's code."""
    making = re.compile(r"""["']error_type["']: type\(\w+\)\.__name__""")
    packages = (ROOT / name for name in ("bridge", "emails", "relay", "runtime"))
    found = {
        str(path.relative_to(ROOT))
        for package in packages
        for path in package.rglob("*.py")
        if making.search(path.read_text(encoding="utf-8"))
    }

    assert found == {"emails/edges/events.py", "runtime/aws.py", "runtime/failures.py"}


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.message)
def test_every_field_of_a_log_line_is_documented_and_no_other(line: LogLine) -> None:
    documented = documented_fields()[line.message]
    made = line.in_module | FROM_ELSEWHERE.get(line.message, frozenset())

    assert line.in_call <= documented
    assert documented <= made


def test_no_field_around_a_log_call_is_left_out() -> None:
    """What a function that logs puts together is in one of its module's lines at least."""
    documented = documented_fields()
    told: dict[frozenset[str], set[str]] = {}
    for line in LINES:
        told.setdefault(line.in_module, set()).update(documented[line.message])

    assert [line.in_function - told[line.in_module] for line in LINES] == [frozenset()] * len(LINES)


def test_every_table_row_names_its_process() -> None:
    known = {"bridge", "worker", "scheduler", "web", "command"}

    assert all(set(row[1].split(", ")) <= known for row in rows("Log lines"))


def series() -> set[str]:
    """The names under which Prometheus has our metrics."""
    kinds = {
        prometheus_name("mail_relay", one.name, one.kind): one.kind for one in documented_metrics()
    }
    names, histograms = (
        set(kinds),
        {name for name in kinds if kinds[name] in ("timing", "histogram")},
    )
    parts = {f"{name}_{part}" for name in histograms for part in ("bucket", "count", "sum")}
    return (names - histograms) | parts


def named_in(text: str) -> set[str]:
    return set(re.findall(r"\bmail_relay_\w+", text))


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


@pytest.mark.parametrize("file", [ALERTS, GRAFANA], ids=lambda file: file.name)
def test_alerts_and_grafana_ask_for_metrics_of_the_catalogue(file: Path) -> None:
    asked = named_in(file.read_text(encoding="utf-8"))

    assert asked
    assert asked - series() == set()


NOT_ON_GRAFANA = {
    # Only while Firefox Relay's data is imported; `manage.py import_relay` says it.
    "mail_relay_relay_import_lag_seconds",
}


def test_every_gauge_is_on_grafana_but_for_those_that_need_not_be() -> None:
    gauges = {
        prometheus_name("mail_relay", metric.name, metric.kind)
        for metric in documented_metrics()
        if metric.kind == "gauge"
    }

    assert gauges - named_in(GRAFANA.read_text(encoding="utf-8")) == NOT_ON_GRAFANA


def test_every_alert_says_what_happened_and_where_to_read_on() -> None:
    page = rendered(RUNBOOK)

    for alert in alerts():
        assert alert["labels"]["severity"] in ("page", "ticket"), alert["alert"]
        assert alert["annotations"]["summary"], alert["alert"]
        url, _, anchor = alert["annotations"]["runbook_url"].partition("#")
        assert url == f"https://relay.example{reverse('runbook')}", alert["alert"]
        assert f'<h2 id="{anchor}">' in page, alert["alert"]


def test_an_alert_at_a_first_event_sees_it() -> None:
    """A counter appears with its first event, as 1; `increase` sees only what comes after."""
    expressions = [" ".join(alert["expr"].split()) for alert in alerts()]
    at_any = [one for one in expressions if re.search(r"increase\(\w+\[15m\]\) > 0", one)]

    assert len(at_any) == 5
    for expression in at_any:
        (name,) = named_in(expression)
        assert expression.endswith(f"or ({name} unless {name} offset 15m) > 0")


def test_grafanas_dashboard_has_panels_that_each_ask_for_something() -> None:
    panels = json.loads(GRAFANA.read_text(encoding="utf-8"))["panels"]

    assert len(panels) >= 8
    assert all(named_in(target["expr"]) for panel in panels for target in panel["targets"])
    assert len({panel["id"] for panel in panels}) == len(panels)
