#!/usr/bin/env python3
"""Restarts replicas one by one under load, and counts failed requests: rolling_restart.py SERVICE [--rounds N].

Two replicas run behind HAProxy. Each in turn receives SIGTERM, stops, starts again and becomes ready. HAProxy sees only
its readiness, and SHUTDOWN_DRAIN gives it the time for that. No request may fail. DATABASE_URL names a Postgres.
"""

import argparse
import itertools
import sys
import time

from load import Load, proxy, restart, running

from registry import Replica

# Seconds under load before each restart, so that kept-alive connections are in use.
STEADY = 1.0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("service")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--callers", type=int, default=8)
    arguments = parser.parse_args()
    replicas = [Replica(arguments.service) for _ in range(2)]
    with running(replicas), proxy(replicas) as haproxy:
        stops = []
        with Load(haproxy.url, arguments.callers) as load:
            for _, replica in itertools.product(range(arguments.rounds), replicas):
                time.sleep(STEADY)
                stops.append(restart(replica, haproxy))
            time.sleep(STEADY)
    requests, failed = load.counts.total(), load.failures.total()
    print(
        f"rolling restart: {len(stops)} restarts, {requests} requests, {failed} failed; "
        f"the slowest took {load.slowest:.3f} s, a stop up to {max(stops):.2f} s"
    )
    if not load.report():
        sys.exit(1)


main()
