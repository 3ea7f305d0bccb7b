#!/usr/bin/env python3
"""Attacks the service with a token of one tenant while a caller of another tenant works: attacks.py SERVICE [ATTACK…].

The settings are those of deploy/kubernetes. For each attack, a table has the 99th percentile of the working caller's
latencies without and with it, and the most memory that the service had. No request of the working caller may fail. As
root, the service runs in a cgroup with the memory limit of the manifest, which must not kill it. In any case, its
resident memory must stay below the limit. DATABASE_URL names a Postgres.
"""

import http.client
import multiprocessing
import os
import pathlib
import re
import socket
import statistics
import sys
import threading
import time
import uuid
from contextlib import suppress
from urllib.parse import urlsplit

from issuer import issuing
from memory_limit import MemoryLimit, memory_limit

from registry import Api, serving

SECONDS = 4.0
# How long an attack runs before the caller is measured.
LEAD = 1.5
MANIFESTS = pathlib.Path(__file__).parent.parent / "deploy" / "kubernetes"
LARGE = 1024 * 1024
# The requests that a connection of HTTP/2 may have at the same time.
MAX_STREAMS = 200
# Events that fill several pages of the maximum size.
LARGE_EVENTS = 80


def manifest():
    """Returns the settings of the manifests that bound memory, and the memory limit in MiB."""
    settings = dict(re.findall(r"- (HASH_PERMITS|MAX_CONNECTIONS|MAX_REQUESTS)=(\d+)", text("kustomization.yaml")))
    return settings, int(re.search(r"limits:\s+memory: (\d+)Mi", text("deployment.yaml")).group(1))


def text(name):
    return (MANIFESTS / name).read_text(encoding="utf-8")


class Target:
    """What an attacker and a working caller need to know."""

    def __init__(self, replica, issuer):
        self.url, self.pid = replica.url, replica.process.pid
        operator = Api(replica.url, token=issuer.token("operator"))
        self.working, self.tenant = self.caller(operator, issuer, "working")
        self.attacking, own = self.caller(operator, issuer, "attacking")
        of_tenant = {"tenant_id": self.tenant, "name": "working"}
        self.key = operator.post("/v1/api-keys", of_tenant, expect=201).json()["plaintext"]
        event = {"tenant_id": own, "action": "large", "metadata": {"text": "x" * 60_000}}
        for _ in range(LARGE_EVENTS // 10):
            operator.post("/v1/audit/batch", {"events": [event] * 10}, expect=201)

    @staticmethod
    def caller(operator, issuer, name):
        slug = f"{name}-{uuid.uuid4().hex[:8]}"
        tenant = operator.post("/v1/tenants", {"slug": slug, "name": name}, expect=201).json()["id"]
        return issuer.token(name, tenant), tenant

    def connect(self, receive_buffer=None):
        parts = urlsplit(self.url)
        connection = socket.socket()
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(30)
        connection.connect((parts.hostname, parts.port))
        return connection

    def head(self, method, path, token, length=None):
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}"]
        if length is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {length}"]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


def work(target, seconds, results):
    """Sends the requests of a working caller one after the other, and reports latencies and failures."""
    api = Api(target.url, token=target.working)
    requests = [
        (200, "GET", f"/v1/tenants/{target.tenant}", None),
        (200, "GET", f"/v1/audit?tenant_id={target.tenant}", None),
        (201, "POST", "/v1/audit", {"tenant_id": target.tenant, "action": "work"}),
        (200, "POST", "/v1/internal/api-keys/verify", {"key": target.key}),
    ]
    latencies, failures, end = [], [], time.monotonic() + seconds
    while time.monotonic() < end:
        for expected, *request in requests:
            began = time.perf_counter()
            try:
                response = api.call(*request)
            except (OSError, http.client.HTTPException) as error:
                failures.append(f"{request[1]}: {error!r}")
                api = Api(target.url, token=target.working)
                continue
            latencies.append(time.perf_counter() - began)
            if response.status != expected or b'"valid":false' in response.body:
                failures.append(f"{request[1]}: {response.status} {response.body[:200]}")
    results.put((latencies, failures))


def repeat(threads, action):
    """Runs an action in threads for as long as the process runs. The service may reject it, or close its connection."""

    def run():
        while True:
            try:
                action()
            except (OSError, http.client.HTTPException):
                time.sleep(0.01)

    started = [threading.Thread(target=run, daemon=True) for _ in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


def hold(connections):
    """Keeps connections open for as long as the process runs."""
    while connections:
        time.sleep(1)


def opened(target, sent, receive_buffer=None):
    """Opens a connection and sends something. The service may reject it before it has read everything."""
    connection = target.connect(receive_buffer)
    with suppress(OSError):
        connection.sendall(sent)
    return connection


def missing_bodies(target):
    hold([opened(target, target.head("POST", "/v1/audit", target.attacking, 100)) for _ in range(300)])


def partial_bodies(target):
    sent = target.head("POST", "/v1/audit", target.attacking, LARGE) + b" " * (LARGE - 1)
    hold([opened(target, sent) for _ in range(300)])


def large_bodies(target, item):
    """Bodies with as many invalid items as fit."""
    items = ",".join([item] * ((LARGE - 100) // (len(item) + 1)))
    content = f'{{"action":"large","targets":[{items}]}}'.encode()
    sent = target.head("POST", "/v1/audit", target.attacking, len(content)) + content

    def action():
        with opened(target, sent) as connection:
            connection.recv(65536)

    repeat(52, action)


def zeros(target):
    large_bodies(target, "0")


def empty_objects(target):
    large_bodies(target, "{}")


def slow_readers(target):
    page = target.head("GET", "/v1/audit?limit=500", target.attacking)
    hold([opened(target, page * 4, receive_buffer=4096) for _ in range(200)])


def page_readers(target, coding):
    headers = {"Authorization": f"Bearer {target.attacking}", "Accept-Encoding": coding}

    def action():
        connection = http.client.HTTPConnection(urlsplit(target.url).netloc, timeout=30)
        connection.request("GET", "/v1/audit?limit=500", headers=headers)
        connection.getresponse().read()
        connection.close()

    repeat(16, action)


def pages(target):
    page_readers(target, "identity")


def compressed_pages(target):
    page_readers(target, "gzip")


def frame(kind, flags, stream, payload=b""):
    """A frame of HTTP/2 (RFC 9113, section 4.1)."""
    return len(payload).to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + payload


def compressed(text):
    """A string of HPACK (RFC 7541, section 5.2), without a Huffman code."""
    content, length = text.encode(), bytearray()
    rest = len(content) - 127
    if rest < 0:
        return bytes([len(content)]) + content
    while rest >= 128:
        length.append(rest % 128 + 128)
        rest //= 128
    return b"\x7f" + bytes([*length, rest]) + content


def streams(target, number, method, path, **headers):
    """Opens a connection of HTTP/2 with this many requests, whose responses it does not read."""
    fields = {":method": method, ":scheme": "http", ":authority": "localhost", ":path": path}
    fields |= {"authorization": f"Bearer {target.attacking}", **headers}
    block = b"".join(b"\0" + compressed(name) + compressed(value) for name, value in fields.items())
    # The headers are complete. Those of a GET are the whole request.
    flags = 5 if method == "GET" else 4
    requests = b"".join(frame(1, flags, 2 * index + 1, block) for index in range(number))
    return opened(target, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) + requests)


def streams_without_bodies(target):
    hold([streams(target, MAX_STREAMS, "POST", "/v1/audit") for _ in range(4)])


def streams_of_pages(target):
    hold([streams(target, MAX_STREAMS, "GET", "/v1/audit?limit=500") for _ in range(4)])


def flood(threads, connect, *request):
    """Sends a request again and again, on a connection of each thread."""
    local = threading.local()

    def action():
        if not hasattr(local, "api"):
            local.api = connect()
        local.api.call(*request)

    repeat(threads, action)


def probes(target):
    flood(32, lambda: Api(target.url), "GET", "/readyz")


def verifications(target):
    key = {"key": "bp_Zm9vYmFyYmF6cXV4MTIzNA"}
    flood(128, lambda: Api(target.url, token=target.attacking), "POST", "/v1/internal/api-keys/verify", key)


def silent_connections(target):
    hold([target.connect() for _ in range(900)])


ATTACKS = {
    "300 requests without their bodies": missing_bodies,
    "300 bodies of 1 MiB without their last byte": partial_bodies,
    "52 concurrent appends of 1 MiB of zeros": zeros,
    "52 concurrent appends of 1 MiB of empty objects": empty_objects,
    "200 slow readers of four pages of 1 MiB": slow_readers,
    "16 concurrent pages of 1 MiB": pages,
    "16 concurrent compressed pages of 1 MiB": compressed_pages,
    "4 HTTP/2 connections with 200 requests without their bodies": streams_without_bodies,
    "4 HTTP/2 connections with 200 unread pages of 1 MiB": streams_of_pages,
    "a flood of probes": probes,
    "128 concurrent verifications": verifications,
    "900 silent connections": silent_connections,
}


def attack_process(attack, target):
    # The attacker's own work must not take the processors from the service.
    os.nice(19)
    attack(target)


def memory_peak(target):
    status = pathlib.Path(f"/proc/{target.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) / 1024


def measure(target):
    """Returns the latencies and failures of a working caller."""
    results = multiprocessing.Queue()
    worker = multiprocessing.Process(target=work, args=(target, SECONDS, results), daemon=True)
    worker.start()
    measured = results.get()
    worker.join()
    return measured


def rehearse(program, launcher, issuer, settings, attack):
    """Returns what a working caller notices without and with an attack, and the most memory that the service had."""
    settings = {"OIDC_ISSUER": issuer.url, "OIDC_ROLES": "operator=*", "SHUTDOWN_DRAIN": "0", **settings}
    with serving(program, launcher=launcher, **settings) as replica:
        while not replica.is_ready():
            time.sleep(0.05)
        target = Target(replica, issuer)
        without = measure(target)
        attacker = multiprocessing.Process(target=attack_process, args=(attack, target), daemon=True)
        attacker.start()
        time.sleep(LEAD)
        during = measure(target)
        if replica.process.poll() is not None:
            raise SystemExit(f"the service ended with {replica.process.returncode} during `{attack.__name__}`")
        peak = memory_peak(target)
        attacker.terminate()
        attacker.join()
        return without, during, peak


def p99(latencies):
    return statistics.quantiles(latencies, n=100)[98]


def main():
    program, *chosen = sys.argv[1:]
    settings, limit = manifest()
    bad = []
    print(f"| attack | requests | failed | p99 without | p99 with | most memory, of {limit} MiB |")
    print("|---|---:|---:|---:|---:|---:|")
    with issuing() as issuer, memory_limit(limit) as enforced:
        launcher = ()
        if isinstance(enforced, MemoryLimit):
            launcher = enforced.launcher
        else:
            print(f"The memory limit is only compared, not enforced: {enforced}.", file=sys.stderr)
        for name, attack in ATTACKS.items():
            if chosen and attack.__name__ not in chosen:
                continue
            (without, _), (during, failures), peak = rehearse(program, launcher, issuer, settings, attack)
            figures = f"{p99(without) * 1000:.1f} ms | {p99(during) * 1000:.1f} ms | {peak:.0f} MiB"
            print(f"| {name} | {len(during):,} | {len(failures)} | {figures} |", flush=True)
            bad += [f"{name}: {failure}" for failure in failures[:5]]
            if peak > limit:
                bad.append(f"{name}: {peak:.0f} MiB of memory, more than {limit}")
        if isinstance(enforced, MemoryLimit) and enforced.kills():
            bad.append(f"the service was killed, because it took more than {limit} MiB of memory")
    for line in bad:
        print(line, file=sys.stderr)
    sys.exit(1 if bad else 0)


main()
