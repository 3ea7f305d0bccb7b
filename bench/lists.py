#!/usr/bin/env python3
"""Measures a page of each list at the beginning and deep inside, with few and with many records: lists.py SERVICE.

Prints a table in Markdown: the time of a page, and the 8 KiB buffers that the database touches for it. DATABASE_URL
names the superuser of an empty Postgres. The large set needs about 15 GB of disk space.
"""

import argparse
import pathlib
import statistics
import time

from registry import Api, psql, serving

# Of the set with few records and of the one with many: tenants, with as many projects and ten times as many API keys.
TENANTS = 200, 1_000_000
PAGE = 50
# Deep inside means behind half of the records, or behind this many.
DEPTH = 100_000
STEP = 500
ROUNDS = 200
# Seconds after which an idle session has reported what it touched.
REPORTED = 11

# The filters of each list. The tenant has a tenth of all projects and API keys.
TENANT = "0190b8a5-7b1c-7000-8000-100000000000"
LISTS = {
    "tenant_list": "/v1/tenants?",
    "tenant_list, status": "/v1/tenants?status=frozen",
    "tenant_list, kind": "/v1/tenants?kind=demo",
    "tenant_list, plan": "/v1/tenants?plan=team",
    "tenant_list, product": "/v1/tenants?product=insights",
    "tenant_list, q": "/v1/tenants?q=word",
    "tenant_list, erp_customer_id": "/v1/tenants?erp_customer_id=ERP-7",
    "tenant_list, all of these together": "/v1/tenants?status=active&kind=demo&plan=team&product=insights&q=word",
    "api_key_list": f"/v1/api-keys?tenant_id={TENANT}",
    "api_key_list, usable": f"/v1/api-keys?tenant_id={TENANT}&usable=true",
    "api_key_list, product": f"/v1/api-keys?tenant_id={TENANT}&product=insights",
    "project_list": f"/v1/projects?tenant_id={TENANT}",
}


def buffers():
    time.sleep(REPORTED)
    return int(
        psql("--command", "SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()")
    )


def deep_cursor(api, path):
    """Returns a cursor from deep inside the list, or None if the list has one page."""
    cursors, page = [None], api.get(f"{path}&limit={STEP}").json()
    # Small lists are walked in pages of a record.
    step = STEP if "next_cursor" in page else 1
    seen = 0
    while seen < DEPTH:
        cursor = f"&cursor={cursors[-1]}" if cursors[-1] else ""
        page = api.get(f"{path}&limit={step}{cursor}").json()
        seen += step
        if "next_cursor" not in page:
            return cursors[len(cursors) // 2]
        cursors.append(page["next_cursor"])
    return cursors[-1]


def page(api, path):
    """Returns the number of records of a page, its median milliseconds, and its buffers."""
    api.get(path)
    before, times = buffers(), []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        response = api.get(path)
        times.append(time.perf_counter() - began)
    touched = (buffers() - before) / ROUNDS
    return len(response.json()["items"]), statistics.median(times) * 1_000, touched


def measure(api):
    for name, path in LISTS.items():
        cursor = deep_cursor(api, path)
        first = page(api, f"{path}&limit={PAGE}")
        yield name, first, page(api, f"{path}&limit={PAGE}&cursor={cursor}") if cursor else None


def cells(measured):
    if measured is None:
        return "– | – | –"
    records, milliseconds, touched = measured
    return f"{records} | {milliseconds:.2f} | {touched:.0f}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("service")
    parser.add_argument("--tenants", type=int, nargs=2, default=TENANTS)
    arguments = parser.parse_args()
    for tenants in arguments.tenants:
        with serving(arguments.service) as replica:
            psql("--set", f"tenants={tenants}", "--file", str(pathlib.Path(__file__).with_name("sql") / "lists.sql"))
            print(f"\n{tenants} tenants, {tenants} projects, {tenants * 10} API keys\n")
            print(
                "| list | records | ms | buffers | records, deep | ms | buffers |\n|---|---:|---:|---:|---:|---:|---:|"
            )
            for name, first, deep in measure(Api(replica.url)):
                print(f"| {name} | {cells(first)} | {cells(deep)} |", flush=True)


main()
