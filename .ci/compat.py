"""Says what a client of the released document would notice in the present one.

Fails on what would break it, unless the major version moves. Redocly finds and rates the changes; what it takes for
harmless, and breaks a client without a word, is rated here.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def default_changed(change):
    """What a client leaves out means something else than before."""
    return change["typeName"] == "Schema" and change.get("property") == "default"


def request_property_removed(change):
    """What a client goes on to send is ignored."""
    in_request = re.search(r"/(requestBody|parameters)/", change["path"])
    return change["kind"] == "removed" and in_request and re.search(r"/properties/[^/]+$", change["path"])


OWN_RULES = {"default-changed": default_changed, "request-property-removed": request_property_removed}


def changes(released, present):
    """Each change as its impact, kind, place and what the rules say of it; and the versions of the two documents."""
    command = [PROJECT / ".ci/redocly/redocly", "diff", "--format", "json", "--fail-on", "none", released, present]
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
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
    print(f"Changes since {before}: {len(found)}. Of them break a client: {breaks}.")
    if breaks and major(now) <= major(before):
        print(f"A break asks for version {major(before) + 1}.0.0 in {present}; it says {now}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
