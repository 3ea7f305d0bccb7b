"""Print which operations and checks passed in which language: table.py URL TITLE RESULT...

Each result file contains the output of one example program and is named after its language. The dates of the tenant
that the program created are read from the service, because a date that is written and read with the same mistake looks
right. Exits with 1 if an operation or a check is missing.
"""

import json
import sys
import urllib.request
from pathlib import Path

# What else the example programs check: times in filters, and the example of the README.
CHECKS = ["times", "readme"]
CONTRACT = {"contract_start": "2027-01-01", "contract_end": "2027-12-31"}

url, title, *results = sys.argv[1:]


def get(path):
    with urllib.request.urlopen(url + path) as response:
        return json.load(response)


def has_dates(lines):
    """Whether the service stored the dates of the contract that the program sent."""
    slugs = [line.removeprefix("tenant ") for line in lines if line.startswith("tenant ")]
    tenants = [get(f"/v1/tenants/by-slug/{slug}") for slug in slugs]
    return bool(tenants) and all(CONTRACT.items() <= tenant.items() for tenant in tenants)


paths = get("/openapi.json")["paths"]
operations = [method["operationId"] for path in paths.values() for method in path.values() if "operationId" in method]
passed = {Path(result).name: Path(result).read_text(encoding="utf-8").splitlines() for result in results}

rows = [[title, *passed]]
for name in [*operations, *CHECKS]:
    rows.append([name, *("ok" if f"{name} ok" in lines else "MISSING" for lines in passed.values())])
rows.append(["dates", *("ok" if has_dates(lines) else "MISSING" for lines in passed.values())])
widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
rows.insert(1, ["-" * width for width in widths])
for row in rows:
    print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")

cells = [cell for row in rows[2:] for cell in row[1:]]
missing = cells.count("MISSING")
print(f"{len(cells) - missing} passed, {missing} failed\n")
sys.exit(missing > 0)
