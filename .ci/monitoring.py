"""What deploy/ asks of Prometheus: the dashboard's queries, and the names of metrics in them."""

import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
ALERTS = ROOT / "deploy/prometheus/alerts.yaml"
ALERTS_TEST = ROOT / "deploy/prometheus/alerts_test.yaml"
SCRAPING = ROOT / "deploy/prometheus/prometheus.yaml"
DASHBOARD = ROOT / "deploy/grafana/tenant-registry.json"

# What Grafana puts in by itself.
BUILT_IN = {"__rate_interval": "1m"}
VARIABLE = re.compile(r"\$\{?(\w+)\}?")
# A name that a colon stands before is that of a recording rule.
METRIC = re.compile(r"(?<![\w:])tenant_registry_\w+")


def dashboard():
    return json.loads(DASHBOARD.read_text(encoding="utf-8"))


def queries(board):
    """Title of the panel and query, for each query, as they are written."""
    return [(panel["title"], target["expr"]) for panel in board["panels"] for target in panel.get("targets", [])]


def variables(board):
    """What a query may name, with the value that stands for everything."""
    listed = {variable["name"]: variable.get("allValue", variable.get("current", {}).get("value"))
              for variable in board["templating"]["list"]}
    return {**listed, **BUILT_IN}


def substituted(query, values):
    """The query as Prometheus gets it. A variable that the dashboard does not declare is a KeyError."""
    return VARIABLE.sub(lambda match: values[match[1]], query)


def metric_names(query):
    return set(METRIC.findall(query))
