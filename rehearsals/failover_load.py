"""Callers of the service during a failover, and the ledger of what they were told."""

import collections
import http.client
import itertools
import json
import random
import threading
import time
import uuid
from urllib.parse import urlsplit

from registry import Response

# A caller gives up after this time and asks again.
CALL_LIMIT = 8
PAUSE = 0.25
VERIFY = "/v1/internal/api-keys/verify"
APPENDED = "failover.rehearsed"


class Caller:
    """Calls one replica."""

    def __init__(self, replica):
        self.connection = http.client.HTTPConnection(urlsplit(replica.url).netloc, timeout=CALL_LIMIT)

    def call(self, method, path, body=None, idempotency_key=None):
        """Returns the response, or None if there is none."""
        headers, content = {}, None
        if body is not None:
            headers["Content-Type"], content = "application/json", json.dumps(body)
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        try:
            self.connection.request(method, path, content, headers)
            response = self.connection.getresponse()
            return Response(response.status, response.read())
        except (OSError, http.client.HTTPException):
            self.connection.close()
            return None


class ApiKey:
    def __init__(self, created):
        self.id, self.plaintext = created["api_key"]["id"], created["plaintext"]


class Series:
    """When something succeeded."""

    def __init__(self):
        self.times = [time.monotonic()]

    def add(self):
        self.times.append(time.monotonic())

    def longest_gap(self, end):
        return max(after - before for before, after in itertools.pairwise([*self.times, end]))


class FailoverLoad:
    """A few requests a second of each kind, to each replica. `add` adds a replica while the load runs."""

    def __init__(self, api, keys):
        tenant = api.post("/v1/tenants", {"slug": f"failover-{uuid.uuid4().hex[:12]}", "name": "F"}, expect=201).json()
        self.tenant = tenant["id"]
        api.post(f"/v1/tenants/{self.tenant}/activate", {"plan": "team"})
        created = (
            api.post("/v1/api-keys", {"tenant_id": self.tenant, "name": "k"}, expect=201).json() for _ in range(keys)
        )
        # The first one is never revoked.
        self.lasting, *self.usable = map(ApiKey, created)
        self.stopped, self.threads = threading.Event(), []
        self.changes, self.verifications = [], []
        # What was acknowledged.
        self.appended, self.revoked = [], []
        self.revoking = None
        self.stale, self.wrong = [], collections.Counter()
        self.ended = None

    def add(self, replica):
        """Sends requests to a replica. From now on, keys are revoked through it."""
        for target, arguments in (
            (self.append, (True,)),
            (self.append, (False,)),
            (self.revoke, ()),
            (self.verify, ()),
        ):
            thread = threading.Thread(target=target, args=(Caller(replica), *arguments))
            self.threads.append(thread)
            if target == self.revoke:
                self.revoking = thread
            thread.start()

    def stop(self):
        self.ended = time.monotonic()
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def series(self, of):
        series = Series()
        of.append(series)
        return series

    def append(self, caller, with_idempotency_key):
        """Appends events. With an idempotency key, each is sent until it is acknowledged."""
        acknowledged = self.series(self.changes)
        while not self.stopped.wait(PAUSE):
            target = str(uuid.uuid4())
            body = {"tenant_id": self.tenant, "action": APPENDED, "target_type": "rehearsal", "target_id": target}
            while not self.stopped.is_set():
                response = caller.call("POST", "/v1/audit", body, target if with_idempotency_key else None)
                if response is not None and response.status == 201:
                    acknowledged.add()
                    self.appended.append(target)
                    break
                if not with_idempotency_key:
                    break
                self.stopped.wait(PAUSE)

    def revoke(self, caller):
        """Revokes keys until another thread does. Each is sent until it is acknowledged."""
        while not self.stopped.wait(4 * PAUSE) and self.revoking is threading.current_thread() and self.usable:
            key = self.usable.pop()
            while not self.stopped.is_set():
                response = caller.call("DELETE", f"/v1/api-keys/{key.id}")
                if response is not None and response.status == 204:
                    self.revoked.append(key)
                    break
                if self.revoking is not threading.current_thread():
                    self.usable.append(key)
                    break
                self.stopped.wait(PAUSE)

    def verify(self, caller):
        """Verifies a key that is not revoked, and then one that is: mostly the last one."""
        verified = self.series(self.verifications)
        while not self.stopped.wait(PAUSE / 2):
            response = caller.call("POST", VERIFY, {"key": self.lasting.plaintext})
            if response is not None and response.status == 200:
                answer = response.json()
                if answer["valid"]:
                    verified.add()
                elif answer["reason"] != "unavailable":
                    self.wrong[f"a key that is not revoked is {answer['reason']}"] += 1
            if self.revoked:
                key = random.choice((self.revoked[-1], random.choice(self.revoked)))
                response = caller.call("POST", VERIFY, {"key": key.plaintext})
                if response is not None and response.status == 200 and response.json()["valid"]:
                    self.stale.append(key.id)

    def acknowledged(self):
        return len(self.appended) + len(self.revoked)

    def gaps(self):
        """Returns the longest times without an acknowledged change, and without a verification, at one replica."""
        return tuple(max(series.longest_gap(self.ended) for series in of) for of in (self.changes, self.verifications))

    def check(self, ask):
        """Compares with the database. Returns how many acknowledged changes are lost, and how many were made twice."""
        of_tenant = f"tenant_id = '{self.tenant}'"
        rows = ask(
            f"SELECT target_id, count(*) FROM audit_log WHERE {of_tenant} "
            f"AND action IN ('{APPENDED}', 'api_key.revoked') GROUP BY 1"
        )
        counts = {target: int(count) for target, count in (row.split("|") for row in rows.splitlines())}
        stored = set(ask(f"SELECT id FROM api_keys WHERE {of_tenant} AND revoked_at IS NOT NULL").split())
        lost = [target for target in self.appended if target not in counts]
        lost += [key.id for key in self.revoked if key.id not in counts or key.id not in stored]
        return len(lost), sum(count > 1 for count in counts.values())
