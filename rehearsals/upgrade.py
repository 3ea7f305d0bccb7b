#!/usr/bin/env python3
"""Upgrades replicas under load, on a large database: upgrade.py PREVIOUS SERVICE [--events N --keys N --tenants N].

Two replicas of the previous version run behind HAProxy, and fill a database of their version. Under load, the new
version migrates it, and replaces one replica after the other. Then one of them is rolled back and upgraded again.
Replicas of both versions serve at the same time. No request may fail. DATABASE_URL names the superuser of a Postgres.
"""

import argparse
import pathlib
import sys
import time

from load import Load, proxy, restart, running

from registry import Api, Replica, psql, run

# Seconds under load before each step and after the last one.
STEADY = 3.0


def counts():
    tables = ("tenants", "tenant_products", "api_keys", "audit_log")
    return {table: int(psql("--command", f"SELECT count(*) FROM {table}")) for table in tables}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("previous")
    parser.add_argument("service")
    parser.add_argument("--tenants", type=int, default=100_000)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--callers", type=int, default=8)
    arguments = parser.parse_args()
    replicas = [Replica(arguments.previous) for _ in range(2)]
    with running(replicas), proxy(replicas) as haproxy:
        began = time.monotonic()
        sizes = [f"--set={name}={vars(arguments)[name]}" for name in ("tenants", "keys", "events")]
        psql(*sizes, "--file", str(pathlib.Path(__file__).with_name("upgrade.sql")))
        filled = counts()
        print(f"filled in {time.monotonic() - began:.0f} s: {filled}", flush=True)
        with Load(haproxy.url, arguments.callers) as load:

            def steady(what):
                time.sleep(STEADY)
                print(f"{what}: the slowest request took {load.slowest_since_last():.3f} s", flush=True)

            def replace(replica, program, what):
                replica.program = program
                restart(replica, haproxy)
                steady(what)

            steady("the previous version")
            began = time.monotonic()
            run(arguments.service, "migrate")
            steady(f"migrated in {time.monotonic() - began:.0f} s")
            replace(replicas[0], arguments.service, "both versions")
            replace(replicas[1], arguments.service, "the new version")
            replace(replicas[0], arguments.previous, "one replica rolled back")
            replace(replicas[0], arguments.service, "the new version again")
        check(Api(haproxy.url), filled, arguments.tenants)
    print(f"upgrade: {load.counts.total()} requests, {load.failures.total()} failed")
    if not load.report():
        sys.exit(1)


def check(api, filled, tenants):
    """Checks the records from before the upgrade through operations of the new version."""
    missing = {table: number for table, number in counts().items() if number < filled[table]}
    if missing:
        raise SystemExit(f"rows are missing: {missing}, before: {filled}")
    for number in (0, 1, tenants - 1):
        slug = f"filled-{number:09}"
        found = api.get("/v1/tenants", q=slug).json()["items"]
        if [it["slug"] for it in found] != [slug]:
            raise SystemExit(f"the search for {slug} finds {found}")
        entitlements = api.get("/v1/entitlements", tenant_id=found[0]["id"]).json()["items"]
        sources = [it["source"] for it in entitlements]
        if sources != ["purchase" if number % 2 else "trial"]:
            raise SystemExit(f"the entitlements of {slug} have the sources {sources}")


main()
