"""Lists the changes from the released document that a client would notice: compat.py RELEASED PRESENT.

Fails on a breaking change unless the major version changes. Redocly finds and rates the changes. The rules below rate
changes that Redocly considers harmless but that break a client silently.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def default_changed(change):
    """A property that a client leaves out has another value than before."""
    return change["typeName"] == "Schema" and change.get("property") == "default"


def request_property_removed(change):
    """A property that a client still sends is ignored."""
    in_request = re.search(r"/(requestBody|parameters)/", change["path"])
    return change["kind"] == "removed" and in_request and re.search(r"/properties/[^/]+$", change["path"])


OWN_RULES = {"default-changed": default_changed, "request-property-removed": request_property_removed}


def changes(released, present):
    """Returns impact, kind, place and broken rules of each change, and the versions of the two documents."""
    command = [
        PROJECT / "tools/contract/redocly/redocly",
        "diff",
        "--format",
        "json",
        "--fail-on",
        "none",
        released,
        present,
    ]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(run.stderr)
    report = json.loads(run.stdout)
    found = []
    for change in report["changes"]:
        rules = {verdict["ruleId"]: verdict["message"] for verdict in change["verdicts"]}
        if not rules:
            rules = {name: rule.__doc__ for name, rule in OWN_RULES.items() if rule(change)}
        place = [key.replace("~1", "/") for key in change["path"].removeprefix("#/").split("/")]
        if "property" in change:
            place.append(change["property"])
        found.append(("major" if rules else change["impact"], change["kind"], " ".join(place), rules))
    return found, [report["infoVersions"][document] for document in ("base", "revision")]


def major(version):
    return int(version.split(".")[0])


def main(released, present):
    found, (before, now) = changes(released, present)
    for impact, kind, place, rules in found:
        print(f"{impact}: {kind} {place}")
        for name, message in rules.items():
            print(f"    {message} ({name})")
    breaks = sum(impact == "major" for impact, *_ in found)
    print(f"{len(found)} changes since {before}, {breaks} of them breaking.")
    if breaks and major(now) <= major(before):
        print(f"Breaking changes need version {major(before) + 1}.0.0 in {present}, which has {now}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
