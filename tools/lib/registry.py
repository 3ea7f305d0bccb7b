"""The service as a process, and its API over HTTP. The Makefile puts this directory on PYTHONPATH."""

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
    """One process of the service. Its settings override those of the environment."""

    def __init__(self, program, address="127.0.0.1:0", arguments=(), launcher=(), **settings):
        self.program, self.address, self.arguments, self.settings = program, address, arguments, settings
        self.launcher = launcher
        self.process = None
        self.url = None

    def start(self):
        """Starts the process, and returns the seconds until it listens."""
        command = [*self.launcher, self.program, "serve", "--bind-address", self.address, *self.arguments]
        environment = {**os.environ, "LOG_LEVEL": "error", **self.settings}
        began = time.monotonic()
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        took = time.monotonic() - began
        if not line.startswith("listening on "):
            raise SystemExit(f"{self.program} did not start: {self.process.wait(START_LIMIT)}")
        self.url = line.split()[-1]
        # A restart uses the same port.
        self.address = urlsplit(self.url).netloc
        return took

    def stop(self):
        """Stops the process gracefully, and returns the seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(STOP_LIMIT)
        if status != 0:
            raise SystemExit(f"{self.program} ended with {status}")
        return time.monotonic() - began

    def memory_kib(self):
        """Returns the resident memory."""
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
            replica.process.wait()


class Response:
    def __init__(self, status, body):
        self.status, self.body = status, body

    def json(self):
        return json.loads(self.body)


class Api:
    """Calls the API on one kept-alive connection."""

    def __init__(self, url, timeout=30, token=None):
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout)

    def call(self, method, path, body=None, **query):
        headers, content = dict(self.headers), None
        if body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(body)
        if query:
            path = f"{path}?{urlencode(query)}"
        self.connection.request(method, path, content, headers)
        response = self.connection.getresponse()
        return Response(response.status, response.read())

    def get(self, path, **query):
        return self.expect(200, "GET", path, **query)

    def post(self, path, body=None, expect=200):
        return self.expect(expect, "POST", path, body)

    def expect(self, status, method, path, body=None, **query):
        response = self.call(method, path, body, **query)
        if response.status != status:
            raise SystemExit(f"{method} {path}: {response.status}, expected {status}: {response.body.decode()}")
        return response


def free_port():
    """Returns a free port, for programs that cannot choose and report one."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def database(url, name=None, user=None, port=None):
    """Returns the URL of another database, user or port of the same server, which needs no password."""
    parts = urlsplit(url)
    user = user or parts.username
    netloc = f"{user}@{parts.hostname}:{port or parts.port}"
    return urlunsplit((parts.scheme, netloc, f"/{name}" if name else parts.path, "", ""))


def psql(*arguments, **options):
    """Runs psql on the database that DATABASE_URL names, and returns its output: rows without decoration."""
    command = ["psql", os.environ["DATABASE_URL"], "--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]
    return run(*command, "--set", "ON_ERROR_STOP=1", *arguments, **options)


def run(*command, **options):
    """Runs a program that must succeed, and returns its output."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, **options)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {done.returncode}")
    return done.stdout.strip()
