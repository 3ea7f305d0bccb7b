"""Print what passed in which language: table.py URL SPEC TITLE CHECKS RESULT...

Each result file contains the output of one example program and is named after its language. The rows are the operations
of the spec and the further checks. The dates of the tenant that a program created are read from the service, because a
date that is written and read with the same mistake looks right. Exits with 1 if a result is missing.
"""

import json
import sys
import urllib.request
from pathlib import Path

import yaml

url, spec, title, checks, *results = sys.argv[1:]
CONTRACT = {"contract_start": "2027-01-01", "contract_end": "2027-12-31"}


def has_dates(slug):
    """Whether the service stored the dates of the contract that the program sent."""
    with urllib.request.urlopen(f"{url}/v1/tenants/by-slug/{slug}") as response:
        return CONTRACT.items() <= json.load(response).items()


def read(result):
    """The results by the names of operations and checks. A `-` means that the check does not apply."""
    words = [line.split() for line in Path(result).read_text(encoding="utf-8").splitlines()]
    found = {line[0]: line[1] for line in words if len(line) == 2}
    if "tenant" in found and has_dates(found["tenant"]):
        found["dates"] = "ok"
    return found


paths = yaml.safe_load(Path(spec).read_text(encoding="utf-8"))["paths"]
names = [method["operationId"] for path in paths.values() for method in path.values() if "operationId" in method]
columns = [read(result) for result in results]

rows = [[title, *(Path(result).name for result in results)]]
for name in names + checks.split(","):
    rows.append([name, *(column.get(name, "MISSING") for column in columns)])
widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
rows.insert(1, ["-" * width for width in widths])
for row in rows:
    print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")

cells = [cell for row in rows[2:] for cell in row[1:]]
print(f"{cells.count('ok')} passed, {cells.count('MISSING')} failed\n")
sys.exit("MISSING" in cells)
