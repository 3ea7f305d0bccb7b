"""Callers that work through HAProxy, which polls /readyz and does not retry, like the proxies of an orchestrator."""

import collections
import http.client
import pathlib
import shutil
import subprocess
import tempfile
import threading
import time
import uuid
from contextlib import contextmanager

from registry import Api, free_port

# Debian installs it outside the PATH of most users.
HAPROXY = shutil.which("haproxy") or "/usr/sbin/haproxy"

# Two failed checks take a replica out of service, so SHUTDOWN_DRAIN must be longer than twice this.
# A slow check on a busy machine is not a failure: it may belong to the only replica that is left.
CHECK_MILLISECONDS = 200
CHECK_LIMIT = 30

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


def life():
    """A tenant's life in operations of every version. Yields the name, expected status, method, path and body of each
    request, and receives the body of its response."""
    tenant = yield "create", 201, "POST", "/v1/tenants", {"slug": f"life-{uuid.uuid4().hex[:12]}", "name": "Life"}
    of_tenant = {"tenant_id": tenant["id"]}
    yield "trial", 201, "POST", "/v1/catalog/trial-request", {**of_tenant, "product": "insights"}
    yield "activate", 200, "POST", f"/v1/tenants/{tenant['id']}/activate", {"plan": "team"}
    created = yield "create key", 201, "POST", "/v1/api-keys", {**of_tenant, "name": "life"}
    verify = "POST", "/v1/internal/api-keys/verify", {"key": created["plaintext"]}
    for _ in range(5):
        verified = yield "verify", 200, *verify
        expect(verified["valid"], verified)
        yield "get", 200, "GET", f"/v1/tenants/{tenant['id']}", None
        yield "append", 201, "POST", "/v1/audit", {**of_tenant, "action": "life.lived"}
        events = yield "list", 200, "GET", f"/v1/audit?tenant_id={tenant['id']}&limit=5", None
        expect(events["items"][0]["action"] == "life.lived", events)
    entitlements = yield "entitlements", 200, "GET", f"/v1/entitlements?tenant_id={tenant['id']}", None
    expect([it["product"] for it in entitlements["items"] if it["enabled"]] == ["insights"], entitlements)
    yield "revoke", 204, "DELETE", f"/v1/api-keys/{created['api_key']['id']}", None
    verified = yield "verify", 200, *verify
    expect(verified.get("reason") == "revoked", verified)
    yield "cancel", 200, "POST", f"/v1/tenants/{tenant['id']}/cancel", None


class WrongResponse(Exception):
    pass


def expect(is_right, response):
    if not is_right:
        raise WrongResponse(str(response))


class Callers:
    """Threads that send requests until stopped. A subclass has their method `call`."""

    def __init__(self, url, callers):
        self.url, self.stopped = url, threading.Event()
        self.threads = [threading.Thread(target=self.call) for _ in range(callers)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()


class Load(Callers):
    """Callers that live the lives of tenants. Every fifth request uses a new connection."""

    def __init__(self, url, callers):
        super().__init__(url, callers)
        self.counts = collections.Counter()
        self.failures = collections.Counter()
        self.slowest = 0.0
        self.lock = threading.Lock()

    def slowest_since_last(self):
        """Returns the seconds of the slowest request since the last call."""
        with self.lock:
            slowest, self.slowest = self.slowest, 0.0
        return slowest

    def call(self):
        api = Api(self.url)
        while not self.stopped.is_set():
            requests, body = life(), None
            # A life ends with its first failure, because its other requests need the response.
            for number in range(1_000):
                try:
                    name, expected, *request = requests.send(body)
                except StopIteration:
                    break
                except WrongResponse as error:
                    with self.lock:
                        self.failures[name, str(error)] += 1
                    break
                if number % 5 == 4:
                    api.connection.close()
                began = time.monotonic()
                try:
                    response = api.call(*request)
                    failure = None if response.status == expected else f"{response.status} {response.body.decode()}"
                except (OSError, http.client.HTTPException) as error:
                    failure = type(error).__name__
                    api = Api(self.url)
                with self.lock:
                    self.slowest = max(self.slowest, time.monotonic() - began)
                    self.counts[name] += 1
                    if failure is not None:
                        self.failures[name, failure] += 1
                if failure is not None or self.stopped.is_set():
                    break
                body = response.json() if response.body else None
                # Limits each caller to about 200 requests per second.
                time.sleep(0.005)

    def report(self):
        """Prints the failures, and returns whether there were none and every request was made."""
        for (name, failure), count in sorted(self.failures.items(), key=str):
            print(f"  {name}: {failure}: {count}")
        return not self.failures and "cancel" in self.counts


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


@contextmanager
def running(replicas):
    """Starts the replicas, and stops them."""
    try:
        for replica in replicas:
            replica.start()
        yield
        for replica in replicas:
            replica.stop()
    finally:
        for replica in replicas:
            if replica.process and replica.process.poll() is None:
                replica.process.kill()


def restart(replica, haproxy):
    """Restarts a replica under load, and returns the seconds that its stop took."""
    took = replica.stop()
    replica.start()
    wait_until(replica.is_ready, "the replica is ready again")
    wait_until(haproxy.has_all_replicas, "HAProxy uses all replicas")
    return took
