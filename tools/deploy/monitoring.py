"""The queries of the dashboard in deploy/, and the metrics that they name."""

import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
ALERTS = ROOT / "deploy/prometheus/alerts.yaml"
ALERTS_TEST = ROOT / "deploy/prometheus/alerts_test.yaml"
SCRAPING = ROOT / "deploy/prometheus/prometheus.yaml"
DASHBOARD = ROOT / "deploy/grafana/tenant-registry.json"

# Variables that Grafana defines.
BUILT_IN = {"__rate_interval": "1m"}
VARIABLE = re.compile(r"\$\{?(\w+)\}?")
# Names after a colon belong to recording rules.
METRIC = re.compile(r"(?<![\w:])tenant_registry_\w+")


def dashboard():
    return json.loads(DASHBOARD.read_text(encoding="utf-8"))


def queries(board):
    """Returns the panel's title and the text of each query."""
    return [(panel["title"], target["expr"]) for panel in board["panels"] for target in panel.get("targets", [])]


def variables(board):
    """Returns the variables of the dashboard, each with the value that selects everything."""
    listed = {
        variable["name"]: variable.get("allValue", variable.get("current", {}).get("value"))
        for variable in board["templating"]["list"]
    }
    return {**listed, **BUILT_IN}


def substituted(query, values):
    """Returns the query with its variables replaced. An undeclared variable raises KeyError."""
    return VARIABLE.sub(lambda match: values[match[1]], query)


def metric_names(query):
    return set(METRIC.findall(query))
