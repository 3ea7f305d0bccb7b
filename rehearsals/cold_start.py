#!/usr/bin/env python3
"""Restarts replicas under load while every API key is verified for the first time: cold_start.py SERVICE [--keys N].

Two replicas run behind HAProxy, with a key for digests and so many API keys that each request has another one. No
verification may be unavailable, and a restart may not make the slowest of a hundred more than twice as slow.
DATABASE_URL names a Postgres.
"""

import argparse
import base64
import hashlib
import hmac
import itertools
import pathlib
import secrets
import statistics
import sys
import tempfile
import time
import uuid

from load import Callers, proxy, restart, running

from registry import Api, Replica, psql

# Seconds under load before and between the restarts.
STEADY = 5.0
KEY_ID = "rehearsal"


def fill(keys, digest_key):
    """Inserts API keys of one tenant with their digests, and returns the plaintexts."""
    tenant = str(uuid.uuid4())
    plaintexts, rows = [], []
    for _ in range(keys):
        api_key, plaintext = (
            uuid.uuid4(),
            f"bp_{base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip('=')}",
        )
        digest = hmac.digest(digest_key, api_key.bytes + plaintext.encode(), hashlib.sha256)
        stored = f"hmac-sha256|{KEY_ID}|{base64.b64encode(digest).decode().rstrip('=')}"
        plaintexts.append(plaintext)
        rows.append("\t".join((str(api_key), tenant, "key", "{}", plaintext[:11], "argon2id|AAAA|AAAA", stored, "now")))
    insert = (
        f"INSERT INTO tenants (id, slug, name, status, kind, plan, created_at, updated_at) "
        f"VALUES ('{tenant}', 'cold-{tenant[:8]}', 'Cold', 'active', 'customer', 'starter', now(), now())"
    )
    copy = "COPY api_keys (id, tenant_id, name, scopes, prefix, hash, digest, created_at) FROM STDIN"
    psql("--command", insert, "--command", copy, "--command", "ANALYZE api_keys", input="\n".join(rows))
    return plaintexts


class Verifications(Callers):
    """Callers that verify one API key after the other."""

    def __init__(self, url, plaintexts, callers):
        super().__init__(url, callers)
        self.plaintexts = itertools.cycle(plaintexts)
        self.seconds, self.invalid = [], []

    def call(self):
        api = Api(self.url)
        while not self.stopped.is_set():
            began = time.monotonic()
            response = api.call("POST", "/v1/internal/api-keys/verify", {"key": next(self.plaintexts)})
            self.seconds.append(time.monotonic() - began)
            if response.status != 200 or not response.json()["valid"]:
                self.invalid.append(response.body.decode())

    def take(self, what):
        """Prints and returns the seconds of the slowest of a hundred since the last call."""
        seconds, self.seconds = self.seconds, []
        slowest = statistics.quantiles(seconds, n=100)[-1]
        print(f"{what}: {len(seconds)} verifications, p99 {slowest * 1_000:.2f} ms", flush=True)
        return slowest


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("service")
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--callers", type=int, default=8)
    arguments = parser.parse_args()
    digest_key = secrets.token_bytes(32)
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory, "digest-keys")
        file.write_text(f"{KEY_ID} {base64.b64encode(digest_key).decode()}\n", encoding="ascii")
        replicas = [Replica(arguments.service, API_KEY_DIGEST_KEY_FILE=str(file)) for _ in range(2)]
        with running(replicas), proxy(replicas) as haproxy:
            plaintexts = fill(arguments.keys, digest_key)
            with Verifications(haproxy.url, plaintexts, arguments.callers) as load:
                time.sleep(STEADY)
                steady = load.take("steady")
                restarted = []
                for replica in replicas:
                    restart(replica, haproxy)
                    time.sleep(STEADY)
                    restarted.append(load.take("with a restart"))
    print(f"cold start: {len(load.invalid)} unavailable; p99 {max(restarted) / steady:.2f} times as long")
    if load.invalid:
        sys.exit(f"not valid: {load.invalid[:3]}")


main()
