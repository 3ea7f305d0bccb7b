#!/usr/bin/env python3
"""Restarts replicas one by one under load, and counts failed requests: rolling_restart.py SERVICE [--rounds N].

Two replicas run behind HAProxy, which polls /readyz and does not retry requests, like the proxies of an orchestrator.
Each replica in turn receives SIGTERM, stops, starts again and becomes ready. HAProxy sees only its readiness, and
SHUTDOWN_DRAIN gives it the time for that. No request may fail. DATABASE_URL names a Postgres.
"""

import argparse
import collections
import http.client
import itertools
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from contextlib import contextmanager

from registry import Api, Replica, free_port

# Debian installs it outside the PATH of most users.
HAPROXY = shutil.which("haproxy") or "/usr/sbin/haproxy"

# Two failed checks take a replica out of service, so SHUTDOWN_DRAIN must be longer than twice this.
# A slow check on a busy machine is not a failure: it may belong to the only replica that is left.
CHECK_MILLISECONDS = 200
CHECK_LIMIT = 30
# Seconds under load before each restart, so that kept-alive connections are in use.
STEADY = 1.0

PROXY = """
global
    maxconn 2000
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    timeout check 2s
    retries 0
    option httpchk GET /readyz
    http-check expect status 200
    default-server check inter {check}ms fall 2 rise 1
frontend registry
    bind {frontend}
    default_backend replicas
backend replicas
    balance roundrobin
{servers}
frontend counts
    bind {counts}
    http-request return status 200 if {{ path /up }} {{ nbsrv(replicas) ge 2 }}
    http-request return status 503
"""


class Load:
    """Callers that send requests until stopped. Every fifth request uses a new connection."""

    def __init__(self, url, callers):
        self.url, self.stopped = url, threading.Event()
        api = Api(url)
        tenant = api.post(
            "/v1/tenants", {"slug": f"rolling-{uuid.uuid4().hex[:8]}", "name": "Rolling"}, expect=201
        ).json()
        created = api.post("/v1/api-keys", {"tenant_id": tenant["id"], "name": "rolling"}, expect=201).json()
        self.requests = [
            ("verify", 200, "POST", "/v1/internal/api-keys/verify", {"key": created["plaintext"]}),
            ("get", 200, "GET", f"/v1/tenants/{tenant['id']}", None),
            ("append", 201, "POST", "/v1/audit", {"tenant_id": tenant["id"], "action": "rolling.restart"}),
            ("list", 200, "GET", f"/v1/audit?tenant_id={tenant['id']}&limit=5", None),
        ]
        self.counts = collections.Counter()
        self.failures = collections.Counter()
        self.slowest = 0.0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.call) for _ in range(callers)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def call(self):
        api = Api(self.url)
        for number, (name, expected, *request) in enumerate(itertools.cycle(self.requests)):
            if self.stopped.is_set():
                return
            if number % 5 == 4:
                api.connection.close()
            began = time.monotonic()
            try:
                response = api.call(*request)
                failure = None if response.status == expected else response.status
                if name == "verify" and failure is None and not response.json()["valid"]:
                    failure = response.json()["reason"]
            except (OSError, http.client.HTTPException) as error:
                failure = type(error).__name__
                api = Api(self.url)
            with self.lock:
                self.slowest = max(self.slowest, time.monotonic() - began)
                self.counts[name] += 1
                if failure is not None:
                    self.failures[name, failure] += 1
            # Limits each caller to about 200 requests per second.
            time.sleep(0.005)


def wait_until(fulfilled, what):
    end = time.monotonic() + CHECK_LIMIT
    while not fulfilled():
        if time.monotonic() > end:
            raise SystemExit(f"{what}: not within {CHECK_LIMIT} s")
        time.sleep(0.02)


def is_ok(url, path):
    try:
        return Api(url).call("GET", path).status == 200
    except (OSError, http.client.HTTPException):
        return False


class Proxy:
    """HAProxy, and its view of the replicas."""

    def __init__(self, url, counts):
        self.url, self.counts = url, counts

    def has_all_replicas(self):
        return is_ok(self.counts, "/up")


@contextmanager
def proxy(replicas):
    frontend, counts = (f"127.0.0.1:{free_port()}" for _ in range(2))
    servers = "\n".join(f"    server replica-{number} {replica.address}" for number, replica in enumerate(replicas))
    with tempfile.TemporaryDirectory() as directory:
        text = PROXY.format(frontend=frontend, counts=counts, servers=servers, check=CHECK_MILLISECONDS)
        file = pathlib.Path(directory, "haproxy.cfg")
        file.write_text(text, encoding="ascii")
        process = subprocess.Popen([HAPROXY, "-q", "-db", "-f", str(file)])
        try:
            started = Proxy(f"http://{frontend}", f"http://{counts}")
            wait_until(started.has_all_replicas, "HAProxy uses all replicas")
            yield started
        finally:
            process.terminate()
            process.wait(30)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("service")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--callers", type=int, default=8)
    arguments = parser.parse_args()
    replicas = [Replica(arguments.service) for _ in range(2)]
    try:
        for replica in replicas:
            replica.start()
        with proxy(replicas) as haproxy:
            load = Load(haproxy.url, arguments.callers)
            stops = []
            with load:
                for _, replica in itertools.product(range(arguments.rounds), replicas):
                    time.sleep(STEADY)
                    stops.append(replica.stop())
                    replica.start()
                    wait_until(replica.is_ready, "the replica is ready again")
                    wait_until(haproxy.has_all_replicas, "HAProxy uses all replicas")
                time.sleep(STEADY)
        for replica in replicas:
            replica.stop()
    finally:
        for replica in replicas:
            if replica.process and replica.process.poll() is None:
                replica.process.kill()
    requests, failed = sum(load.counts.values()), sum(load.failures.values())
    print(
        f"rolling restart: {len(stops)} restarts, {requests} requests, {failed} failed; "
        f"the slowest took {load.slowest:.3f} s, a stop up to {max(stops):.2f} s"
    )
    for (name, failure), count in sorted(load.failures.items(), key=str):
        print(f"  {name}: {failure}: {count}")
    if failed or not all(load.counts.values()):
        sys.exit(1)


main()
