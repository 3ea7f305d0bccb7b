#!/usr/bin/env python3
"""Checks deploy/prometheus and deploy/grafana without a running service.

promtool checks the rules, the example configuration and the dashboard's queries, and runs the tests of the rules. Every
alert needs a severity, a runbook entry, a test where it fires, and one where it does not. Grafana's types must know
every field of the dashboard.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from monitoring import ALERTS, ALERTS_TEST, DASHBOARD, ROOT, SCRAPING, dashboard, queries, substituted, variables

SEVERITIES = {"critical", "warning"}
ANNOTATIONS = {"summary", "description", "runbook"}
PAGE_WIDTH = 24

faults = []


def promtool(*arguments):
    done = subprocess.run(
        ["promtool", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        faults.append(f"promtool {' '.join(arguments)}:\n{done.stdout.strip()}")


def anchors(page):
    """Returns the anchors of the headings, as GitHub and GitLab make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def alerts():
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def check_alerts():
    for alert in alerts():
        name = alert["alert"]
        if "for" not in alert:
            faults.append(f"{name}: `for` is missing")
        if alert.get("labels", {}).get("severity") not in SEVERITIES:
            faults.append(f"{name}: `severity` must be one of {sorted(SEVERITIES)}")
        annotations = alert.get("annotations", {})
        if set(annotations) != ANNOTATIONS:
            faults.append(f"{name}: the annotations must be {sorted(ANNOTATIONS)}")
            continue
        file, _, anchor = annotations["runbook"].partition("#")
        if anchor != name.lower() or anchor not in anchors(ROOT / file):
            faults.append(f"{name}: `runbook` does not link to a heading of the same name in {file}")


def check_that_alerts_are_tested():
    fires, is_silent = set(), set()
    for test in yaml.safe_load(ALERTS_TEST.read_text(encoding="utf-8"))["tests"]:
        for case in test.get("promql_expr_test", []):
            if not case["expr"].startswith("ALERTS"):
                continue
            if not case["exp_samples"]:
                asked_for = re.search(r'alertname="(\w+)"', case["expr"])
                is_silent |= {asked_for[1]} if asked_for else {alert["alert"] for alert in alerts()}
            for sample in case["exp_samples"]:
                if 'alertstate="firing"' in sample["labels"]:
                    fires.add(re.search(r'alertname="(\w+)"', sample["labels"])[1])
    for alert in alerts():
        name = alert["alert"]
        if name not in fires:
            faults.append(f"{name}: no test in {ALERTS_TEST.name} expects it to fire")
        if name not in is_silent:
            faults.append(f"{name}: no test in {ALERTS_TEST.name} expects it not to fire")


def lost(read, written, where):
    """Yields fields that Grafana does not know or reads as another value."""
    if isinstance(read, dict) and isinstance(written, dict):
        for key, value in read.items():
            if key in written:
                yield from lost(value, written[key], f"{where}.{key}")
            else:
                yield f"{where}.{key}"
    elif isinstance(read, list) and isinstance(written, list) and len(read) == len(written):
        for number, (one, other) in enumerate(zip(read, written, strict=True)):
            yield from lost(one, other, f"{where}[{number}]")
    elif read != written:
        yield where


def check_dashboard():
    board = dashboard()
    plugins.register_default_plugins()
    again = json.loads(JSONEncoder().encode(Dashboard.from_json(board)))
    faults.extend(f"{DASHBOARD.name}: Grafana does not know {where}" for where in lost(board, again, "dashboard"))

    panels = board["panels"]
    if len({panel["id"] for panel in panels}) != len(panels):
        faults.append(f"{DASHBOARD.name}: two panels have the same id")
    taken = {}
    for panel in panels:
        place = panel["gridPos"]
        if place["x"] + place["w"] > PAGE_WIDTH:
            faults.append(f"{DASHBOARD.name}: {panel['title']} is wider than the page")
        for cell in (
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ):
            other = taken.setdefault(cell, panel["title"])
            if other != panel["title"]:
                faults.append(f"{DASHBOARD.name}: {panel['title']} overlaps {other}")
                break

    values = variables(board)
    rules = []
    for number, (title, query) in enumerate(queries(board)):
        try:
            rules.append({"record": f"dashboard:query:{number}", "expr": substituted(query, values)})
        except KeyError as unknown:
            faults.append(f"{DASHBOARD.name}: {title} uses the undeclared variable {unknown}")
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory, "dashboard.yaml")
        file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
        promtool("check", "rules", str(file))
    return len(rules)


promtool("check", "config", str(SCRAPING))
promtool("check", "rules", str(ALERTS))
promtool("test", "rules", str(ALERTS_TEST))
check_alerts()
check_that_alerts_are_tested()
checked = check_dashboard()
for fault in faults:
    print(fault, file=sys.stderr)
if faults:
    sys.exit(1)
print(f"monitoring: {len(alerts())} alerts, {checked} queries of the dashboard")
