"""Print which operations passed in which language: table.py SPEC RESULT...

Each result file contains the output of one example program and is named after its language. Exits with 1 if an
operation is missing.
"""

import sys
from pathlib import Path

import yaml

spec, *results = map(Path, sys.argv[1:])
paths = yaml.safe_load(spec.read_text())["paths"]
operations = [method["operationId"] for path in paths.values() for method in path.values() if "operationId" in method]
passed = {result.name: result.read_text().splitlines() for result in results}

rows = [["operation", *passed]]
for operation in operations:
    rows.append([operation, *("ok" if f"{operation} ok" in lines else "MISSING" for lines in passed.values())])
widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
rows.insert(1, ["-" * width for width in widths])
for row in rows:
    print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")

cells = [cell for row in rows[2:] for cell in row[1:]]
missing = cells.count("MISSING")
print(f"{len(cells) - missing} passed, {missing} failed")
sys.exit(missing > 0)
