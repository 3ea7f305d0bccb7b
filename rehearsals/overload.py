#!/usr/bin/env python3
"""Floods the service without valid requests while another caller works: overload.py SERVICE.

The floods: request heads and bodies that never end, idle connections, and more silent connections than the limit, while
the database connections are cut. Each flood must end as the operations manual says, and every request of the working
caller must succeed. DATABASE_URL names a Postgres.
"""

import http.client
import os
import pathlib
import resource
import select
import socket
import sys
import threading
import time
import uuid
from urllib.parse import urlsplit

from registry import Api, run, serving

CONNECTIONS = 100
BODY_TIMEOUT = 2
# The listener's.
HEAD_TIMEOUT = 30
# Tolerance beyond a limit, for a busy machine.
SLACK = 10
# Permits.
REQUESTS = 16
# Connections of each flood that the service ends.
SLOW = 50
# Connections beyond the limit. The kernel can queue them.
BEYOND = 60
# Connections whose memory is measured.
IDLE = 4000

HEAD = b"POST /v1/audit HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n"


class Worker:
    """A caller that sends valid requests on one kept-alive connection."""

    def __init__(self, url):
        self.url, self.stopped = url, threading.Event()
        self.responses, self.failures, self.slowest = 0, [], 0.0
        self.api = Api(url)
        slug = f"overload-{uuid.uuid4().hex[:8]}"
        self.tenant = self.api.post("/v1/tenants", {"slug": slug, "name": "Overload"}, expect=201).json()
        created = self.api.post("/v1/api-keys", {"tenant_id": self.tenant["id"], "name": "overload"}, expect=201).json()
        self.key = created["plaintext"]
        self.thread = threading.Thread(target=self.work)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()

    def work(self):
        requests = [
            (200, "GET", f"/v1/tenants/{self.tenant['id']}", None),
            (201, "POST", "/v1/audit", {"tenant_id": self.tenant["id"], "action": "overload"}),
            (200, "POST", "/v1/internal/api-keys/verify", {"key": self.key}),
        ]
        while not self.stopped.is_set():
            for expected, *request in requests:
                began = time.monotonic()
                try:
                    response = self.api.call(*request)
                    if response.status != expected or b'"valid":false' in response.body:
                        self.failures.append(f"{request[1]}: {response.status} {response.body.decode()}")
                except (OSError, http.client.HTTPException) as error:
                    # The connection must not break, so there is no second attempt.
                    self.failures.append(f"{request[1]}: {error!r}")
                    return
                self.responses += 1
                self.slowest = max(self.slowest, time.monotonic() - began)
            self.stopped.wait(0.01)


def connect(replica):
    parts = urlsplit(replica.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=SLACK)


def until_closed(connections, limit, what):
    """Returns the seconds until the service has closed all connections, and the bytes that each received."""
    began, received = time.monotonic(), {connection: b"" for connection in connections}
    waiting = set(connections)
    while waiting:
        left = began + limit - time.monotonic()
        if left <= 0:
            raise SystemExit(
                f"{what}: after {limit} s the service holds {len(waiting)} of {len(connections)} connections"
            )
        for connection in select.select(list(waiting), [], [], left)[0]:
            try:
                data = connection.recv(65536)
            except ConnectionResetError:
                data = b""
            received[connection] += data
            if not data:
                waiting.discard(connection)
                connection.close()
    return time.monotonic() - began, list(received.values())


def slow_heads(replica):
    """Request heads that never end, and connections that stay open after a response."""
    halves, kept = ([connect(replica) for _ in range(SLOW // 2)] for _ in range(2))
    for connection in halves:
        connection.sendall(HEAD)
    for connection in kept:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    took, responses = until_closed(halves + kept, HEAD_TIMEOUT + SLACK, "slow heads")
    if any(responses[: len(halves)]) or not all(
        response.startswith(b"HTTP/1.1 200 ") for response in responses[len(halves) :]
    ):
        raise SystemExit("slow heads: unexpected responses")
    print(f"slow heads: {len(halves)} partial heads and {len(kept)} idle connections, closed after {took:.1f} s")


def slow_bodies(replica):
    connections = [connect(replica) for _ in range(SLOW)]
    for connection in connections:
        connection.sendall(HEAD + b"\r\n{")
    took, responses = until_closed(connections, BODY_TIMEOUT + SLACK, "slow bodies")
    if not all(response.startswith(b"HTTP/1.1 400 ") and b"did not arrive" in response for response in responses):
        raise SystemExit("slow bodies: unexpected responses")
    print(f"slow bodies: {len(connections)} got 400 and were closed after {took:.1f} s")


def missing_bodies(replica):
    """More requests without their bodies than there are permits. They take none: other requests are served."""
    held = [connect(replica) for _ in range(4 * REQUESTS)]
    for connection in held:
        connection.sendall(HEAD + b"Expect: 100-continue\r\n\r\n")
    for connection in held:
        if not connection.recv(65536).startswith(b"HTTP/1.1 100 "):
            raise SystemExit("missing bodies: the service does not wait for a body")
    api = Api(replica.url)
    for path in ("/v1/catalog", "/readyz"):
        status = api.call("GET", path).status
        if status != 200:
            raise SystemExit(f"missing bodies: {path}: {status}")
    for connection in held:
        connection.close()
    print(f"missing bodies: {len(held)}, and other requests get 200")


def descriptors(replica):
    directory = pathlib.Path(f"/proc/{replica.process.pid}/fd")
    # Since Linux 6.2 the size is their number. Only root can list them, because the service cannot be dumped.
    return directory.stat().st_size or len(list(directory.iterdir()))


def silent_connections(replica, worker):
    """More silent connections than the limit: the service keeps them, but accepts no more."""
    before = descriptors(replica)
    flood = [connect(replica) for _ in range(CONNECTIONS + BEYOND)]
    end = time.monotonic() + SLACK
    # The working caller has a connection already, and the service may open a few to the database.
    while descriptors(replica) < before + CONNECTIONS - 1:
        if time.monotonic() > end:
            raise SystemExit(f"silent connections: {descriptors(replica) - before} of {CONNECTIONS} accepted")
        time.sleep(0.05)
    latecomer = connect(replica)
    latecomer.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    if select.select([latecomer], [], [], 1)[0]:
        raise SystemExit("silent connections: the service accepted one more")
    cut = int(
        run(
            "psql",
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            os.environ["DATABASE_URL"],
            "--command",
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'tenant-registry'",
        )
    )
    before = worker.responses
    while worker.responses < before + 300 and not worker.failures:
        if time.monotonic() > end + SLACK:
            raise SystemExit("silent connections: the working caller gets no responses")
        time.sleep(0.05)
    for connection in flood:
        connection.close()
    began = time.monotonic()
    response = latecomer.recv(65536)
    if not response.startswith(b"HTTP/1.1 200 "):
        raise SystemExit(f"silent connections: the waiting connection got {response!r}")
    print(
        f"silent connections: {len(flood)} at a limit of {CONNECTIONS}, {cut} database sessions cut; "
        f"the waiting connection got its response {time.monotonic() - began:.2f} s after the flood"
    )


def memory(program):
    resource.setrlimit(resource.RLIMIT_NOFILE, (IDLE + 200, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with serving(program, MAX_CONNECTIONS=str(IDLE + 100)) as replica:
        request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        api = Api(replica.url)
        before = replica.memory_kib()
        for sends in (b"", request):
            held = [connect(replica) for _ in range(IDLE)]
            for connection in held:
                if sends:
                    connection.sendall(sends)
                    connection.recv(65536)
            api.get("/healthz")
            print(
                f"memory: {(replica.memory_kib() - before) / IDLE:.1f} KiB for each of {IDLE} connections, "
                f"{'after a request' if sends else 'silent'}"
            )
            for connection in held:
                connection.close()


def main():
    program = sys.argv[1]
    settings = {
        "BODY_TIMEOUT": str(BODY_TIMEOUT),
        "MAX_CONNECTIONS": str(CONNECTIONS),
        "MAX_REQUESTS": str(REQUESTS),
        "SHUTDOWN_DRAIN": "0",
    }
    with serving(program, **settings) as replica:
        with Worker(replica.url) as worker:
            missing_bodies(replica)
            slow_bodies(replica)
            slow_heads(replica)
            silent_connections(replica, worker)
        print(
            f"the working caller: {worker.responses} requests, {len(worker.failures)} failed; "
            f"the slowest took {worker.slowest:.3f} s"
        )
        for failure in worker.failures[:10]:
            print(f"  {failure}")
        if worker.failures:
            sys.exit(1)
    memory(program)


main()
