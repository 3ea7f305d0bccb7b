"""Three database hosts with the files of deploy/patroni, each in a network namespace, with etcd and HAProxy."""

import base64
import http.client
import json
import os
import pathlib
import pwd
import re
import select
import shutil
import signal
import subprocess
import threading
import time
from contextlib import contextmanager, suppress

import yaml
from load import HAPROXY

from registry import run

DEPLOY = pathlib.Path(__file__).resolve().parent.parent / "deploy/patroni"
POSTGRES = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))[-1]
# Postgres does not run as root.
USER = pwd.getpwnam("postgres")
AS_USER = ["setpriv", f"--reuid={USER.pw_uid}", f"--regid={USER.pw_gid}", "--clear-groups"]
# Python and this checkout may be in the home directory of root.
AS_USER += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
HOSTS = ("db1", "db2", "db3")
PASSWORD = "rehearsal"
ETCD_URL = "http://etcd1:2379"
PROXY_URL = f"postgres://registry:{PASSWORD}@127.0.0.1:5000/registry?target_session_attrs=read-write"
# A former primary that has to be copied anew takes longest.
LIMIT = 120
PAUSE = 0.3


def several_hosts(names):
    """Returns the URL that names these hosts in this order."""
    hosts = ",".join(f"{name}:5432" for name in names)
    return f"postgres://registry:{PASSWORD}@{hosts}/registry?target_session_attrs=read-write"


def wait_until(fulfilled, what):
    """Asks less often than the load, because the answers come from Patroni."""
    end = time.monotonic() + LIMIT
    while not fulfilled():
        if time.monotonic() > end:
            raise SystemExit(f"{what}: not within {LIMIT} s")
        time.sleep(PAUSE)


class Network:
    """Two switches: one for data, and one for etcd. A host has a cable to each."""

    SWITCHES = {"data": "10.77.1", "control": "10.77.2"}

    def __init__(self, directory):
        self.hosts_file = pathlib.Path(directory, "hosts")
        self.hosts_file.write_text("127.0.0.1 localhost\n", encoding="ascii")
        ip("link", "set", "lo", "up")
        for switch, network in self.SWITCHES.items():
            ip("link", "add", switch, "type", "bridge")
            ip("link", "set", switch, "up")
            ip("address", "add", f"{network}.1/24", "dev", switch)
        run("mount", "--bind", str(self.hosts_file), "/etc/hosts")

    def add(self, name, number, switch_of_name):
        """Adds a host, whose name leads to its address on one of the switches."""
        ip("netns", "add", name)
        ip("-n", name, "link", "set", "lo", "up")
        for switch, network in self.SWITCHES.items():
            ip("link", "add", f"{name}-{switch}", "type", "veth", "peer", "name", switch, "netns", name)
            ip("-n", name, "address", "add", f"{network}.{number}/24", "dev", switch)
            ip("-n", name, "link", "set", switch, "up")
            ip("link", "set", f"{name}-{switch}", "up")
            self.plug(name, switch)
        with self.hosts_file.open("a", encoding="ascii") as file:
            file.write(f"{self.SWITCHES[switch_of_name]}.{number} {name}\n")

    def plug(self, name, switch):
        ip("link", "set", f"{name}-{switch}", "master", switch)

    def unplug(self, name, switch):
        """Packets are lost without an error, in both directions."""
        ip("link", "set", f"{name}-{switch}", "nomaster")


def ip(*arguments):
    run("ip", *arguments)


def spawn(name, command, log, **environment):
    """Starts a program on a host as the user postgres."""
    with open(log, "ab") as output:
        return subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{name}", *AS_USER, *command],
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **environment},
            cwd="/",
            stdout=output,
            stderr=subprocess.STDOUT,
        )


class Watchdog:
    """Stands in for the watchdog device: kills everything on a host that has not reset it in time."""

    def __init__(self, path, host):
        self.path, self.host = path, host
        self.is_connected = False
        os.mkfifo(path)
        os.chown(path, USER.pw_uid, USER.pw_gid)
        # Open for writing too, so that reads never see an end of the file.
        self.pipe = os.open(path, os.O_RDWR)
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        limit, deadline = None, None
        while True:
            remaining = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self.pipe], [], [], remaining)[0]:
                deadline = None
                if self.is_connected:
                    self.host.kill()
                continue
            text = os.read(self.pipe, 4096).decode()
            if found := re.findall(r"Ctimeout=(\d+)\n", text):
                limit = int(found[-1])
            deadline = None if text.endswith("V") or limit is None else time.monotonic() + limit


class Host:
    """A database host: Patroni and its Postgres."""

    def __init__(self, directory, network, name, number):
        self.name, self.network = name, network
        self.directory = pathlib.Path(directory, name)
        self.directory.mkdir()
        os.chown(self.directory, USER.pw_uid, USER.pw_gid)
        network.add(name, number, "data")
        self.watchdog = Watchdog(self.directory / "watchdog", self)
        self.process = None
        settings = yaml.safe_load((DEPLOY / "patroni.yaml").read_text(encoding="utf-8"))
        # A pipe instead of a device, and a directory that no other host uses.
        settings["watchdog"].update(driver="testing", device=self.watchdog.path.as_posix())
        settings["postgresql"]["parameters"] = {"unix_socket_directories": str(self.directory)}
        self.settings = self.directory / "patroni.yaml"
        self.settings.write_text(yaml.safe_dump(settings), encoding="utf-8")

    def environment(self):
        """Returns node.env, with the paths of this host."""
        text = (DEPLOY / "node.env.example").read_text(encoding="utf-8")
        settings = dict(line.split("=", 1) for line in text.splitlines() if line.startswith("PATRONI_"))
        passwords = {name: PASSWORD for name in settings if name.endswith("_PASSWORD")}
        return {
            **{name: value.replace("db1", self.name) for name, value in settings.items()},
            **passwords,
            "PATRONI_POSTGRESQL_DATA_DIR": str(self.directory / "data"),
            "PATRONI_POSTGRESQL_BIN_DIR": str(POSTGRES),
            "PATRONI_POSTGRESQL_PGPASS": str(self.directory / "pgpass"),
            "PATRONI_ETCD3_HOSTS": "etcd1:2379",
        }

    def start(self, patroni):
        self.process = spawn(
            self.name, [patroni, str(self.settings)], self.directory / "patroni.log", **self.environment()
        )

    def kill(self):
        """Kills every process of the host."""
        for pid in run("ip", "netns", "pids", self.name).split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        self.process.wait()

    def hang(self):
        """Suspends Patroni. Postgres continues."""
        self.process.send_signal(signal.SIGSTOP)

    def wake(self):
        self.process.send_signal(signal.SIGCONT)

    def ask(self, method, path, body=None, limit=1):
        """Calls Patroni, and returns the status and the body, or None."""
        connection = http.client.HTTPConnection(self.name, 8008, timeout=limit)
        user = base64.b64encode(f"patroni:{PASSWORD}".encode()).decode()
        try:
            connection.request(method, path, body, {"Authorization": f"Basic {user}"})
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def is_primary(self):
        """Whether this host holds the lock of the primary, and accepts changes. It gets the lock first."""
        answer = self.ask("GET", "/primary")
        return answer is not None and answer[0] == 200 and json.loads(answer[1])["role"] == "primary"


class Cluster:
    def __init__(self, directory, network, patroni):
        self.network, self.patroni = network, patroni
        self.hosts = [Host(directory, network, name, number) for number, name in enumerate(HOSTS, 11)]
        self.proxy, self.proxy_log = None, pathlib.Path(directory, "haproxy.log")

    def primary(self):
        """Returns the primary, and waits until there is one and all others are its standbys."""
        wait_until(self.is_healthy, "the cluster is healthy")
        return next(host for host in self.hosts if host.is_primary())

    def is_healthy(self):
        answer = next(filter(None, (host.ask("GET", "/cluster") for host in self.hosts)), None)
        if answer is None:
            return False
        members = [(it["role"], it["state"]) for it in json.loads(answer[1])["members"]]
        expected = [("leader", "running"), ("replica", "streaming"), ("sync_standby", "streaming")]
        return sorted(members) == expected

    def new_primary(self, old):
        """Waits until another host is the primary, and returns it."""
        others = [host for host in self.hosts if host is not old]
        wait_until(lambda: any(host.is_primary() for host in others), "another host is the primary")
        return next(host for host in others if host.is_primary())

    def start(self, host):
        host.start(self.patroni)

    def start_proxy(self):
        """Starts HAProxy, again if it runs. It closes its sessions."""
        self.stop_proxy()
        with open(self.proxy_log, "ab") as log:
            self.proxy = subprocess.Popen([HAPROXY, "-db", "-f", str(DEPLOY / "haproxy.cfg")], stdout=log, stderr=log)

    def stop_proxy(self):
        if self.proxy is not None:
            self.proxy.kill()
            self.proxy.wait()


@contextmanager
def cluster(directory, patroni):
    """Starts etcd, the hosts and HAProxy. They end with the process that started them."""
    os.chmod(directory, 0o755)
    network = Network(directory)
    network.add("etcd1", 10, "control")
    data = pathlib.Path(directory, "etcd")
    data.mkdir()
    os.chown(data, USER.pw_uid, USER.pw_gid)
    etcd = spawn("etcd1", [shutil.which("etcd")], pathlib.Path(directory, "etcd.log"), **etcd_environment(data))
    started = Cluster(directory, network, patroni)
    try:
        for host in started.hosts:
            started.start(host)
        primary = started.primary()
        sql(primary, "postgres", f"CREATE ROLE registry LOGIN PASSWORD '{PASSWORD}'")
        sql(primary, "postgres", "CREATE DATABASE registry OWNER registry")
        started.start_proxy()
        wait_until(leads_to_primary, "HAProxy leads to the primary")
        yield started
    finally:
        started.stop_proxy()
        for host in started.hosts:
            host.watchdog.is_connected = False
            if host.process:
                host.wake()
                host.kill()
        etcd.kill()
        etcd.wait()


def leads_to_primary():
    """Whether HAProxy has found the primary."""
    command = ["psql", PROXY_URL, "--no-psqlrc", "--command", "SELECT"]
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0


def etcd_environment(data):
    """Returns etcd.env for a cluster of one member."""
    text = (DEPLOY / "etcd.env.example").read_text(encoding="utf-8")
    settings = dict(line.split("=", 1) for line in text.splitlines() if line.startswith("ETCD_"))
    return {**settings, "ETCD_DATA_DIR": str(data), "ETCD_INITIAL_CLUSTER": "etcd1=http://etcd1:2380"}


def sql(host, database, statement):
    """Runs a statement on a host as the superuser, and returns its rows without decoration."""
    # Only Patroni's own connections and the socket are open to the superuser.
    url = f"postgres://postgres@/{database}?host={host.directory}"
    command = ["psql", url, "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]
    return run(*AS_USER, *command, "--command", statement)
