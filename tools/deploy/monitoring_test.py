#!/usr/bin/env python3
"""Scrapes the running service with Prometheus, configured as in deploy/: monitoring_test.py SERVICE.

Only the address of the replica and the intervals differ from deploy/. An etcd that knows one primary is simulated, and
the primary takes the place of a standby, which the service rejects. Every query of the dashboard must return data,
every rule must evaluate, every metric named in them must exist, and no label may have values that grow with the stored
data. DATABASE_URL names a Postgres.
"""

import base64
import http.server
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from contextlib import contextmanager

import yaml

from monitoring import ALERTS, SCRAPING, dashboard, metric_names, queries, substituted, variables
from registry import Api, free_port, serving

# Every query returns data after two scrapes.
INTERVAL = "1s"
LIMIT = 120
# Few connections and short timeouts, so that the pool is exhausted.
SETTINGS = {
    "METRICS_ADDR": "127.0.0.1:0",
    "DATABASE_POOL_SIZE": "2",
    "DATABASE_POOL_TIMEOUT": "1",
    "DATABASE_STATEMENT_TIMEOUT": "1",
    "DATABASE_READ_URL": os.environ["DATABASE_URL"],
}
ETCD_PREFIX = "/service/tenant-registry/"
LABELS = {"kind", "le", "operation", "outcome", "pool", "status", "version"}
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? ")
LABEL = re.compile(r'(\w+)="([^"]*)"')


def encoded(text):
    return base64.b64encode(text.encode()).decode()


class EtcdHandler(http.server.BaseHTTPRequestHandler):
    """Responds as an etcd in which the database of DATABASE_URL holds the lock of Patroni's primary."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        address = urllib.parse.urlsplit(os.environ["DATABASE_URL"])
        member = {"conn_url": f"postgres://{address.hostname}:{address.port}/postgres"}
        values = {"leader": "one", "members/one": json.dumps(member)}
        keys = [
            {"key": encoded(ETCD_PREFIX + key), "value": encoded(value), "create_revision": "1", "lease": "1"}
            for key, value in values.items()
        ]
        body = json.dumps({"kvs": keys} if self.path == "/v3/kv/range" else {"ID": "1", "TTL": "20"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Writes nothing."""


@contextmanager
def etcd():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), EtcdHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def database_locked():
    """Locks the table of tenants for longer than the service waits."""
    locking = subprocess.Popen(
        ["psql", "--no-psqlrc", "--quiet", "--tuples-only", os.environ["DATABASE_URL"]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    locking.stdin.write("BEGIN;\nLOCK TABLE tenants;\nSELECT 'locked';\nSELECT pg_sleep(2.5);\n")
    locking.stdin.close()
    if "locked" not in locking.stdout.readline():
        raise SystemExit("the database cannot be locked")
    yield
    locking.wait(LIMIT)


def use(url):
    """Sends requests that succeed and requests that fail."""
    api = Api(url)
    tenant = api.post("/v1/tenants", {"slug": f"watched-{uuid.uuid4().hex[:8]}", "name": "Watched"}, expect=201).json()
    created = api.post("/v1/api-keys", {"tenant_id": tenant["id"], "name": "watched"}, expect=201).json()
    key = created["plaintext"]
    # More wrong secrets than the service hashes for one prefix.
    wrong = [key[:-6] + f"{number:02}AAAA" for number in range(20)]
    for presented in [key, key, "malformed", *wrong]:
        api.post("/v1/internal/api-keys/verify", {"key": presented})
    api.post("/v1/audit", {"tenant_id": tenant["id"], "action": "watched"}, expect=201)
    api.get(f"/v1/tenants/{tenant['id']}")
    api.get("/v1/audit", tenant_id=tenant["id"])
    api.get("/readyz")
    api.expect(404, "GET", f"/v1/tenants/{uuid.uuid4()}")
    with database_locked():
        listed = f"/v1/entitlements?tenant_id={tenant['id']}"
        callers = [threading.Thread(target=Api(url).call, args=("GET", listed)) for _ in range(6)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()


class Prometheus:
    def __init__(self, url):
        self.url = url

    def ask(self, path, **query):
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url) as response:
                return json.load(response)["data"]
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{query}: {error.read().decode()}") from error

    def has_data(self, query):
        return any(not math.isnan(float(sample["value"][1])) for sample in self.ask("query", query=query)["result"])

    def rules(self):
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready"):
                return True
        except OSError:
            return False


@contextmanager
def scraping(target):
    """Starts Prometheus with the configuration of deploy/ and this replica as its target."""
    configuration = yaml.safe_load(SCRAPING.read_text(encoding="utf-8"))
    configuration["global"] = {"scrape_interval": INTERVAL, "evaluation_interval": INTERVAL}
    configuration["rule_files"] = [str(SCRAPING.parent / file) for file in configuration["rule_files"]]
    for job in configuration["scrape_configs"]:
        job.update(scrape_interval=INTERVAL, static_configs=[{"targets": [target]}])
    address = f"127.0.0.1:{free_port()}"
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory, "prometheus.yaml")
        file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={file}",
                f"--storage.tsdb.path={directory}/data",
                f"--web.listen-address={address}",
                "--log.level=error",
            ]
        )
        try:
            prometheus = Prometheus(f"http://{address}")
            end = time.monotonic() + LIMIT
            while not prometheus.is_ready():
                if process.poll() is not None or time.monotonic() > end:
                    raise SystemExit("Prometheus did not start")
                time.sleep(0.05)
            yield prometheus
        finally:
            process.terminate()
            process.wait(LIMIT)


class Exposition:
    """The metrics of one scrape."""

    def __init__(self, text):
        samples = [SAMPLE.match(line) for line in text.splitlines() if not line.startswith("#")]
        self.names = {sample[1] for sample in samples}
        self.labels = [dict(LABEL.findall(sample[2] or "")) for sample in samples]

    def check_names(self, named):
        if missing := named - self.names:
            raise SystemExit(f"the service has no {', '.join(sorted(missing))}")

    def check_labels(self, operations):
        for labels in self.labels:
            if not set(labels) <= LABELS or labels.get("operation", operations[0]) not in operations:
                raise SystemExit(f"these labels may grow with the stored data: {labels}")


def scraped(url):
    with urllib.request.urlopen(url) as response:
        return Exposition(response.read().decode())


def check_queries(prometheus, board, use_service):
    """Waits until each query of the dashboard returns data."""
    values = {**variables(board), "job": "tenant-registry"}
    without_data = [(title, substituted(query, values)) for title, query in queries(board)]
    end = time.monotonic() + LIMIT
    while without_data:
        if time.monotonic() > end:
            raise SystemExit("\n".join(f"{title}: no data for {query}" for title, query in without_data))
        use_service()
        without_data = [(title, query) for title, query in without_data if not prometheus.has_data(query)]


def main():
    with etcd() as etcd_url, serving(sys.argv[1], DATABASE_ETCD_URLS=etcd_url, **SETTINGS) as replica:
        metrics = replica.process.stdout.readline().split()[-1]
        # Until etcd has been asked, there is no primary.
        end = time.monotonic() + LIMIT
        while not replica.is_ready():
            if time.monotonic() > end:
                raise SystemExit("the service is not ready")
            time.sleep(0.05)
        with scraping(urllib.parse.urlsplit(metrics).netloc) as prometheus:
            use(replica.url)
            board = dashboard()
            rules = prometheus.rules()
            named = set().union(
                *(metric_names(query) for _, query in queries(board)), *(metric_names(rule["query"]) for rule in rules)
            )
            exposition = scraped(metrics)
            exposition.check_names(named)
            document = Api(replica.url).get("/openapi.json").json()
            exposition.check_labels(
                [
                    operation["operationId"]
                    for path in document["paths"].values()
                    for operation in path.values()
                    if "operationId" in operation
                ]
            )
            check_queries(prometheus, board, lambda: use(replica.url))
            broken = [rule for rule in prometheus.rules() if rule["health"] != "ok"]
            if broken or not rules:
                raise SystemExit(f"{ALERTS.name}: {broken or 'Prometheus loaded no rules'}")
    print(
        f"monitoring: {len(queries(board))} queries of the dashboard and {len(rules)} rules over {len(named)} of "
        f"{len(exposition.names)} metrics"
    )


main()
