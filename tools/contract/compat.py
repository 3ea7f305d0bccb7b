"""Lists the changes from the released document that a client would notice: compat.py RELEASED PRESENT.

Fails on a breaking change unless the major version changes. Redocly finds and rates the changes. The rules below rate
changes that Redocly considers harmless but that break a client silently.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parents[2]


def default_changed(change):
    """A property that a client leaves out has another value than before."""
    return change["typeName"] == "Schema" and change.get("property") == "default"


def request_property_removed(change):
    """A property that a client still sends is ignored."""
    in_request = re.search(r"/(requestBody|parameters)/", change["path"])
    return change["kind"] == "removed" and in_request and re.search(r"/properties/[^/]+$", change["path"])


OWN_RULES = {"default-changed": default_changed, "request-property-removed": request_property_removed}


def with_distinct_parameters(document):
    """Returns the document with a long mark of its name in each parameter. Redocly pairs parameters by similar text and
    would otherwise pair two different ones where a description and a schema change together."""
    document = yaml.safe_load(document)
    for path in document.get("paths", {}).values():
        for operation in path.values():
            for parameter in operation.get("parameters", []):
                if "name" in parameter:
                    parameter["x-mark"] = f"{parameter['in']} {parameter['name']} " * 50
    return json.dumps(document)


def changes(released, present):
    """Returns impact, kind, place and broken rules of each change, and the versions of the two documents."""
    with tempfile.TemporaryDirectory() as folder:
        marked = [Path(folder) / name for name in ("released.json", "present.json")]
        for source, target in zip((released, present), marked, strict=True):
            try:
                target.write_text(with_distinct_parameters(Path(source).read_text()))
            except (OSError, yaml.YAMLError) as error:
                sys.exit(f"{source}: {error}")
        command = [
            PROJECT / "tools/contract/redocly/redocly",
            "diff",
            "--format",
            "json",
            "--fail-on",
            "none",
            *marked,
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
