#!/usr/bin/env python3
"""Makes a release: release.py VERSION [--dry-run]. docs/releasing.md describes the steps before it.

It sets the version everywhere, updates the generated files, compares the contract with the last release, dates the
changelog, commits and tags. With `--dry-run` it shows the changes instead of committing them, and reverts them.
"""

import argparse
import datetime
import re
import shutil
import subprocess
import sys

from versions import CHANGELOG, PLACES, RELEASED_SPEC, ROOT, SPEC, SPEC_VERSION, number, read, write

UNRELEASED = "## [Unreleased]\n"


def run(*command):
    print(f"+ {' '.join(command)}", flush=True)
    subprocess.run(command, cwd=ROOT, check=True)


def git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def check(version):
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        sys.exit(f"{version}: use a version of the form 1.2.3")
    released = read(RELEASED_SPEC, SPEC_VERSION)
    if number(version) <= number(released):
        sys.exit(f"{version}: the version must be newer than {released}, the last release")
    if git("status", "--porcelain"):
        sys.exit("The checkout has changes. Commit them first.")
    if git("tag", "--list", f"v{version}"):
        sys.exit(f"The tag v{version} exists already.")
    notes = (ROOT / CHANGELOG).read_text(encoding="utf-8").partition(UNRELEASED)[2].partition("\n## ")[0]
    if not notes.strip():
        sys.exit(f"{CHANGELOG} has no changes under Unreleased.")


def date_changelog(version):
    path = ROOT / CHANGELOG
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    text = path.read_text(encoding="utf-8").replace(UNRELEASED, f"{UNRELEASED}\n## [{version}] - {today}\n", 1)
    path.write_text(text, encoding="utf-8")


def prepare(version):
    for file, place in PLACES.items():
        write(file, place, version)
    run("cargo", "update", "--quiet", "--offline", "--workspace")
    run("make", "--no-print-directory", "generate")
    run("make", "--no-print-directory", "compat")
    date_changelog(version)
    shutil.copyfile(ROOT / SPEC, ROOT / RELEASED_SPEC)
    run("make", "--no-print-directory", "versions")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("version")
    parser.add_argument("--dry-run", action="store_true")
    arguments = parser.parse_args()
    version = arguments.version
    check(version)
    committed = False
    try:
        prepare(version)
        run("git", "--no-pager", "diff", "--stat")
        if not arguments.dry_run:
            run("git", "commit", "--quiet", "--all", "--message", f"Release {version}")
            run("git", "tag", "--annotate", f"v{version}", "--message", f"Tenant Registry {version}")
            committed = True
    finally:
        # The checkout was clean, so everything that changed is this script's.
        if not committed:
            run("git", "reset", "--quiet", "--hard")
    if committed:
        print(f"Released {version}. Publish it with: git push --follow-tags")
    else:
        print(f"Dry run of {version}: nothing is committed, and the changes are reverted.")


main()
