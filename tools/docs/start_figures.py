#!/usr/bin/env python3
"""Measures start time and memory for the operations manual: start_figures.py SERVICE.

With DATABASE_URL it also measures the service on Postgres.
"""

import os
import statistics
import sys
import time

from registry import Replica

STARTS = 10
# Seconds after the start until the memory is stable.
REST = 2.0


def figures(store, program, **settings):
    took, memory = [], []
    for _ in range(STARTS):
        replica = Replica(program, **settings)
        try:
            took.append(replica.start() * 1000)
            time.sleep(REST)
            memory.append(replica.memory_kib() / 1024)
            replica.stop()
        finally:
            if replica.process.poll() is None:
                replica.process.kill()
    print(
        f"{store}: listening after {statistics.median(took):.0f} ms ({min(took):.0f} to {max(took):.0f}), "
        f"at rest {statistics.median(memory):.1f} MiB ({min(memory):.1f} to {max(memory):.1f}); {STARTS} starts"
    )


def main():
    program = sys.argv[1]
    print(f"binary: {os.path.getsize(program) / 1e6:.1f} MB")
    figures("in memory", program, DATABASE_URL="")
    if os.environ.get("DATABASE_URL"):
        figures("on Postgres", program)


main()
