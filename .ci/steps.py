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

# Each step of a lane: its name, the steps that must have passed before it, and the arguments of make.
CARGO_LANE = [
    ("format", [], "format"),
    ("build", [], "build-all"),
    ("test", ["build", "packages", "tools"], "test PACKAGES=--workspace TARGETS=--all-targets"),
    ("distributed-test", ["build", "packages"], "distributed-test PACKAGES=--workspace"),
    ("certified-issuer", ["build", "tools"], "certified-issuer-test"),
    ("clippy", ["build"], "clippy"),
    ("doc", ["build"], "doc"),
    ("doc-test", ["build"], "doc-test"),
    ("package", ["build"], "package"),
    ("drift-sample", ["build"], "drift-sample"),
]
OTHER_LANE = [
    ("packages", [], "packages"),
    ("tools", ["packages"], "--jobs=3 tools"),
    ("scripts-lint", ["tools"], "scripts-lint"),
    ("versions", [], "versions"),
    ("spec", ["tools"], "spec"),
    ("compat", ["tools"], "compat compat-test"),
    ("deploy-lint", ["tools"], "deploy-lint"),
    ("clients", ["tools"], "clients"),
    ("licences", [], "licences"),
    ("diesel", ["packages"], "target/tools/bin/diesel"),
    # These start the service. The tests before them have the machine to themselves, because some measure time.
    ("schema-check", ["test", "diesel"], "schema-check"),
    ("configuration-check", ["test"], "configuration-check"),
    ("conformance", ["test"], "conformance CONFORMANCE_SEEDS=1 CONFORMANCE_EXAMPLES=100"),
    ("clients-test", ["test", "clients"], "clients-test"),
    ("browser-test", ["test"], "browser-test"),
    ("monitoring-test", ["test"], "monitoring-test"),
]
# The steps use the programs that the step `build` has built.
ENVIRONMENT = {**os.environ, "BUILT": "yes", "SERVICE": "target/debug/tenant-registry"}
# The output of these steps is printed as it comes.
SHOWN = {"test"}


class Run:
    def __init__(self):
        self.began = time.monotonic()
        # The outcome of each step so far, and its seconds.
        self.outcomes = {}
        self.changed = threading.Condition()

    def lane(self, steps):
        for name, needs, arguments in steps:
            with self.changed:
                self.changed.wait_for(lambda needs=needs: all(step in self.outcomes for step in needs))
                skipped = any(self.outcomes[step][0] != "passed" for step in needs)
            if skipped:
                self.finish(name, "skipped", 0)
            else:
                self.step(name, arguments)

    def finish(self, name, outcome, seconds):
        with self.changed:
            self.outcomes[name] = (outcome, seconds)
            self.changed.notify_all()
        self.say(f"{name}: {outcome} after {seconds:.0f} s")

    def step(self, name, arguments):
        self.say(f"{name}: make {arguments}")
        began = time.monotonic()
        command = ["make", "--no-print-directory", *arguments.split()]
        with open(LOGS / f"{name}.log", "w", buffering=1, encoding="utf-8") as log:
            process = subprocess.Popen(
                command, cwd=ROOT, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            for line in process.stdout:
                log.write(line)
                if name in SHOWN:
                    print(line, end="", flush=True)
        outcome = "passed" if process.wait() == 0 else "FAILED"
        self.finish(name, outcome, time.monotonic() - began)

    def say(self, text):
        minutes, seconds = divmod(int(time.monotonic() - self.began), 60)
        print(f"[{minutes:02}:{seconds:02}] {text}", flush=True)

    def report(self):
        """Prints the logs of failed steps, the time of each step, and the summary lines of the tests."""
        failed = [name for name, (outcome, _) in self.outcomes.items() if outcome == "FAILED"]
        for name in failed:
            log = LOGS / f"{name}.log"
            print(f"\n--- {name}: {log}")
            if name not in SHOWN:
                print(log.read_text(encoding="utf-8"))
        print("\nstep                 seconds")
        for name, _, _ in CARGO_LANE + OTHER_LANE:
            outcome, seconds = self.outcomes[name]
            print(f"{name:<20} {seconds:>7.0f}  {outcome}")
        print(f"{'all':<20} {time.monotonic() - self.began:>7.0f}\n")
        if self.outcomes["test"][0] != "skipped":
            lines = (LOGS / "test.log").read_text(encoding="utf-8").splitlines()
            print("\n".join(line for line in lines if line.startswith("test result:")))
        print(f"\nFAILED: {', '.join(failed)}" if failed else "\nall steps passed")
        return not failed


def main():
    LOGS.mkdir(parents=True, exist_ok=True)
    run = Run()
    lanes = [threading.Thread(target=run.lane, args=(steps,)) for steps in (CARGO_LANE, OTHER_LANE)]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    sys.exit(0 if run.report() else 1)


main()
