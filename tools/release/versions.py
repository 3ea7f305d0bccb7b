#!/usr/bin/env python3
"""Checks that contract, crates and image have one version, and that no crate can reach a public registry.

The packages of the other languages take their version from the spec when they are generated.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SPEC = "spec/openapi.yaml"
RELEASED_SPEC = "spec/released/openapi.yaml"
CHANGELOG = "CHANGELOG.md"
REGISTRY = "breakpilot"
# The places of the version: what is before it, and what is after it.
SPEC_VERSION = (r"^  version: ", r"$")
PLACES = {
    SPEC: SPEC_VERSION,
    "Cargo.toml": (r'^version = "', r'"$'),
    "Containerfile": (r'org\.opencontainers\.image\.version="', r'"'),
    "deploy/kubernetes/deployment.yaml": (r"image: tenant-registry:", r"$"),
    "deploy/kubernetes/migration/job.yaml": (r"image: tenant-registry:", r"$"),
}
# Metadata that every crate of the workspace needs. Golden crates exist only to be compiled.
METADATA = ("description", "license_file", "rust_version")


def pattern(before, after):
    return re.compile(f"({before})(\\d+\\.\\d+\\.\\d+)(?={after})", re.MULTILINE)


def read(file, place):
    found = pattern(*place).search((ROOT / file).read_text(encoding="utf-8"))
    if found is None:
        sys.exit(f"{file}: no version found")
    return found[2]


def write(file, place, version):
    path = ROOT / file
    text = pattern(*place).sub(lambda found: found[1] + version, path.read_text(encoding="utf-8"), count=1)
    path.write_text(text, encoding="utf-8")


def number(version):
    return tuple(int(part) for part in version.split("."))


def packages():
    command = ["cargo", "metadata", "--locked", "--no-deps", "--format-version", "1"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)["packages"]


def errors():
    version = read(SPEC, SPEC_VERSION)
    for file, place in PLACES.items():
        if read(file, place) != version:
            yield f"{file}: version {read(file, place)}, but {SPEC} has {version}"
    released = read(RELEASED_SPEC, SPEC_VERSION)
    if number(released) > number(version):
        yield f"{RELEASED_SPEC}: version {released} is newer than {version} in {SPEC}"
    changelog = (ROOT / CHANGELOG).read_text(encoding="utf-8")
    for heading in ("## [Unreleased]", f"## [{released}] - "):
        if f"\n{heading}" not in changelog:
            yield f"{CHANGELOG}: no heading `{heading}`"
    for package in packages():
        name = package["name"]
        if package["version"] != version:
            yield f"crate {name}: version {package['version']}, but {SPEC} has {version}"
        if package["publish"] not in ([], [REGISTRY]):
            yield f'crate {name}: `publish` must be false or ["{REGISTRY}"]'
        if not name.startswith("golden-"):
            yield from (f"crate {name}: `{key}` is missing" for key in METADATA if not package[key])
        if package["publish"]:
            yield from (f"crate {name}: `{key}` is missing" for key in ("readme", "homepage") if not package[key])


def main():
    found = list(errors())
    for error in found:
        print(error, file=sys.stderr)
    if found:
        sys.exit(1)
    print(f"version {read(SPEC, SPEC_VERSION)} everywhere; released: {read(RELEASED_SPEC, SPEC_VERSION)}")


if __name__ == "__main__":
    main()
