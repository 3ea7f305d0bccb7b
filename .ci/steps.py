#!/usr/bin/env python3
"""Runs the steps of `make ci` in two lanes, and prints the time of each step.

Cargo locks its target directory, so the steps that compile the workspace form one lane and run in order. The other lane
installs tools and runs the checks that need no compiler beside it. The output of a step goes to target/ci/STEP.log; it
is printed if the step fails.
"""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / "target/ci"

# Each step of a lane: its name, the steps of the other lane that it needs, and the arguments of make.
CARGO_LANE = [
    ("format", [], "format"),
    ("build", [], "build-all"),
    ("test", ["packages", "tools"], "test PACKAGES=--workspace TARGETS=--all-targets"),
    ("certified-issuer", [], "certified-issuer-test"),
    ("clippy", [], "clippy"),
    ("doc", [], "doc"),
    ("doc-test", [], "doc-test"),
    ("package", [], "package"),
    ("drift-sample", [], "drift-sample"),
]
OTHER_LANE = [
    ("packages", [], "packages"),
    ("tools", [], "--jobs=3 tools"),
    ("scripts-lint", [], "scripts-lint"),
    ("versions", [], "versions"),
    ("spec", [], "spec"),
    ("compat", [], "compat compat-test"),
    ("deploy-lint", [], "deploy-lint"),
    ("clients", [], "clients"),
    ("licences", [], "licences"),
    ("diesel", [], "target/tools/bin/diesel"),
    # These start the service. The tests before them have the machine to themselves, because some measure time.
    ("schema-check", ["test"], "schema-check"),
    ("configuration-check", [], "configuration-check"),
    ("conformance", [], "conformance CONFORMANCE_SEEDS=1 CONFORMANCE_EXAMPLES=100"),
    ("clients-test", [], "clients-test"),
    ("browser-test", [], "browser-test"),
    ("monitoring-test", [], "monitoring-test"),
]
# The steps use the programs that the step `build` has built.
ENVIRONMENT = {**os.environ, "BUILT": "yes", "SERVICE": "target/debug/tenant-registry"}
# The output of these steps is printed as it comes.
SHOWN = {"test"}


class Run:
    def __init__(self):
        self.began = time.monotonic()
        self.seconds = {}
        self.failed = []
        self.changed = threading.Condition()

    def lane(self, steps):
        for name, needs, arguments in steps:
            with self.changed:
                self.changed.wait_for(lambda needs=needs: self.failed or all(step in self.seconds for step in needs))
                if self.failed:
                    return
            self.step(name, arguments)

    def step(self, name, arguments):
        self.say(f"{name}: make {arguments}")
        began = time.monotonic()
        command = ["make", "--no-print-directory", *arguments.split()]
        with open(LOGS / f"{name}.log", "w", encoding="utf-8") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            for line in process.stdout:
                log.write(line)
                if name in SHOWN:
                    print(line, end="", flush=True)
        outcome = process.wait()
        with self.changed:
            self.seconds[name] = time.monotonic() - began
            if outcome != 0:
                self.failed.append(name)
            self.changed.notify_all()
        self.say(f"{name}: {'passed' if outcome == 0 else 'FAILED'} after {self.seconds[name]:.0f} s")

    def say(self, text):
        minutes, seconds = divmod(int(time.monotonic() - self.began), 60)
        print(f"[{minutes:02}:{seconds:02}] {text}", flush=True)

    def report(self):
        for name in self.failed:
            print(f"\n--- {name}: {LOGS / name}.log")
            if name not in SHOWN:
                print((LOGS / f"{name}.log").read_text(encoding="utf-8"))
        print("\nstep                 seconds")
        for name, _, _ in CARGO_LANE + OTHER_LANE:
            if name in self.seconds:
                print(f"{name:<20} {self.seconds[name]:>7.0f}{'  FAILED' if name in self.failed else ''}")
        print(f"{'all':<20} {time.monotonic() - self.began:>7.0f}")
        if "test" in self.seconds:
            tests = (LOGS / "test.log").read_text(encoding="utf-8").splitlines()
            print("\n".join(["", *(line for line in tests if line.startswith("test result:"))]))
        print(f"\n{'FAILED: ' + ', '.join(self.failed) if self.failed else 'all steps passed'}")


def main():
    LOGS.mkdir(parents=True, exist_ok=True)
    run = Run()
    lanes = [threading.Thread(target=run.lane, args=(steps,)) for steps in (CARGO_LANE, OTHER_LANE)]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    run.report()
    sys.exit(1 if run.failed else 0)


main()
