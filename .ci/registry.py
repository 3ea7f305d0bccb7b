"""The service as the rehearsals use it: a process that is started and ended, and calls over HTTP."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from urllib.parse import urlencode, urlsplit, urlunsplit

START_LIMIT = 60
STOP_LIMIT = 60


class Replica:
    """One process of the service. Whatever else its environment holds, it gets these settings."""

    def __init__(self, program, address="127.0.0.1:0", arguments=(), **settings):
        self.program, self.address, self.arguments, self.settings = program, address, arguments, settings
        self.process = None
        self.url = None

    def start(self):
        """Returns the seconds until it says that it listens."""
        command = [self.program, "serve", "--bind-address", self.address, *self.arguments]
        environment = {**os.environ, "LOG_LEVEL": "error", **self.settings}
        began = time.monotonic()
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        took = time.monotonic() - began
        if not line.startswith("listening on "):
            raise SystemExit(f"{self.program} did not start: {self.process.wait(START_LIMIT)}")
        self.url = line.split()[-1]
        # Where the port was free to choose, a later start is to find it again.
        self.address = urlsplit(self.url).netloc
        return took

    def stop(self):
        """Ends it in order; returns the seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(STOP_LIMIT)
        if status != 0:
            raise SystemExit(f"{self.program} ended with {status}")
        return time.monotonic() - began

    def memory_kib(self):
        """Resident memory."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))

    def is_ready(self):
        try:
            return Api(self.url).call("GET", "/readyz").status == 200
        except (OSError, http.client.HTTPException):
            return False


@contextmanager
def serving(program, **settings):
    replica = Replica(program, **settings)
    try:
        replica.start()
        yield replica
        replica.stop()
    finally:
        if replica.process.poll() is None:
            replica.process.kill()


class Answer:
    def __init__(self, status, body):
        self.status, self.body = status, body

    def json(self):
        return json.loads(self.body)


class Api:
    """Calls on one connection, which is kept."""

    def __init__(self, url, timeout=30):
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout)

    def call(self, method, path, body=None, **query):
        headers, content = {}, None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body)
        if query:
            path = f"{path}?{urlencode(query)}"
        self.connection.request(method, path, content, headers)
        response = self.connection.getresponse()
        return Answer(response.status, response.read())

    def get(self, path, **query):
        return self.expect(200, "GET", path, **query)

    def post(self, path, body=None, expect=200):
        return self.expect(expect, "POST", path, body)

    def expect(self, status, method, path, body=None, **query):
        answer = self.call(method, path, body, **query)
        if answer.status != status:
            raise SystemExit(f"{method} {path}: {answer.status} in place of {status}: {answer.body.decode()}")
        return answer


def free_port():
    """For a program that takes no port 0, or does not tell which it got."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def database(url, name=None, user=None, port=None):
    """The same server's URL for another database, user or port. The rehearsals' servers ask for no password."""
    parts = urlsplit(url)
    user = user or parts.username
    netloc = f"{user}@{parts.hostname}:{port or parts.port}"
    return urlunsplit((parts.scheme, netloc, f"/{name}" if name else parts.path, "", ""))


def run(*command, **options):
    """Runs a program to its end, which has to be a good one; returns what it printed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, **options)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {done.returncode}")
    return done.stdout.strip()
