#!/usr/bin/env python3
"""Rehearses failovers with the files of deploy/patroni: failover.py SERVICE PATRONI [--case NAME]... [--logs PATH].

Each case breaks the primary under load. The ledger compares what callers were told with what the database contains: no
acknowledged change may be lost or made twice, and no key may be valid after its revocation was acknowledged. The last
case shows what proxy, watchdog and lease protect from. Needs root for network namespaces, which disappear with this
process.
"""

import argparse
import base64
import os
import pathlib
import secrets
import subprocess
import sys
import tempfile
import time

from failover_cluster import ETCD_URL, PROXY_URL, cluster, leads_to_primary, several_hosts, sql, wait_until
from failover_load import FailoverLoad
from load import running

from registry import Api, Replica

# Seconds under load before the fault, after the failover, and after the repair.
BEFORE, AFTER, REPAIRED = 3, 12, 5
KEYS = 50


def switch_over(cluster, primary):
    status, text = primary.ask("POST", "/switchover", f'{{"leader": "{primary.name}"}}', limit=60)
    if status != 200:
        raise SystemExit(f"switchover: {status} {text}")


def kill(cluster, primary):
    primary.kill()


def hang(cluster, primary):
    primary.hang()


def cut_off(cluster, primary):
    cluster.network.unplug(primary.name, "control")


def nothing(cluster, primary):
    pass


def restart_proxy(cluster, primary):
    cluster.start_proxy()


def start(cluster, primary):
    cluster.start(primary)


def wake(cluster, primary):
    primary.wake()


def plug(cluster, primary):
    cluster.network.plug(primary.name, "control")


class Case:
    """A fault of the primary, what happens after the failover, the repair, and how the service is connected."""

    def __init__(
        self,
        name,
        fault,
        repair,
        *,
        later=nothing,
        with_proxy=True,
        with_watchdog=False,
        with_lease=False,
        is_safe=True,
    ):
        self.name, self.fault, self.later, self.repair = name, fault, later, repair
        self.with_proxy, self.with_watchdog, self.with_lease = with_proxy, with_watchdog, with_lease
        self.is_safe = is_safe

    def urls(self, primary, hosts):
        """Returns the URLs of the replicas from the start, and of the one that starts after the failover."""
        if self.with_proxy:
            return PROXY_URL, PROXY_URL
        others = [host.name for host in hosts if host is not primary]
        return several_hosts([primary.name, *others]), several_hosts([*others, primary.name])


CASES = [
    Case("switchover", switch_over, nothing),
    Case("primary killed", kill, start),
    Case("agent hung", hang, wake, later=restart_proxy),
    Case("cut off from etcd", cut_off, plug),
    Case("agent hung, with the watchdog and without the proxy", hang, start, with_proxy=False, with_watchdog=True),
    Case("switchover, with the lease and without the proxy", switch_over, nothing, with_proxy=False, with_lease=True),
    Case("agent hung, with the lease and without the proxy", hang, wake, with_proxy=False, with_lease=True),
    Case("agent hung, without all three", hang, wake, with_proxy=False, is_safe=False),
]


def rehearse(case, cluster, service, settings):
    """Runs a case, prints its line of the ledger, and returns whether it is as expected."""
    primary = cluster.primary()
    url, later_url = case.urls(primary, cluster.hosts)
    if case.with_lease:
        settings = {**settings, "DATABASE_ETCD_URLS": ETCD_URL}
    replicas = [Replica(service, DATABASE_URL=url, **settings) for _ in range(2)]
    late = Replica(service, DATABASE_URL=later_url, **settings)
    with running(replicas):
        wait_until(lambda: all(replica.is_ready() for replica in replicas), "the replicas are ready")
        load = FailoverLoad(Api(replicas[0].url), KEYS)
        try:
            for replica in replicas:
                load.add(replica)
            time.sleep(BEFORE)
            primary.watchdog.is_connected = case.with_watchdog
            case.fault(cluster, primary)
            cluster.new_primary(primary)
            if case.with_proxy:
                wait_until(leads_to_primary, "HAProxy leads to the new primary")
            late.start()
            load.add(late)
            case.later(cluster, primary)
            time.sleep(AFTER)
            primary.watchdog.is_connected = False
            case.repair(cluster, primary)
            new_primary = cluster.primary()
            time.sleep(REPAIRED)
        finally:
            load.stop()
            if late.process and late.process.poll() is None:
                late.process.kill()
    lost, doubled = load.check(lambda statement: sql(new_primary, "registry", statement))
    changes, verifications = load.gaps()
    print(
        f"| {case.name} | {load.acknowledged():,} | {lost} | {doubled} | {len(load.stale)} "
        f"| {changes:.1f} | {verifications:.1f} |",
        flush=True,
    )
    for what, count in load.wrong.items():
        print(f"  {what}: {count}")
    is_kept = not (lost or doubled or load.stale or load.wrong)
    return is_kept == case.is_safe


def rehearse_all(arguments, directory):
    digest_keys = pathlib.Path(directory, "digest-keys")
    digest_keys.write_text(f"rehearsal {base64.b64encode(secrets.token_bytes(32)).decode()}\n", encoding="ascii")
    settings = {"API_KEY_DIGEST_KEY_FILE": str(digest_keys)}
    cases = [case for case in CASES if not arguments.case or case.name in arguments.case]
    with cluster(directory, arguments.patroni) as started:
        print("| case | acknowledged | lost | doubled | stale valid | s without a change | s without a verification |")
        print("|---|---:|---:|---:|---:|---:|---:|", flush=True)
        unexpected = [case.name for case in cases if not rehearse(case, started, arguments.service, settings)]
    if unexpected:
        sys.exit(f"not as expected: {', '.join(unexpected)}")


def in_namespaces(directory):
    """Runs this script again in namespaces of its own. When it ends, all its processes and networks are gone."""
    if os.geteuid() != 0:
        sys.exit("this rehearsal needs network namespaces: run it as root")
    namespaces = ["--mount", "--net", "--pid", "--mount-proc", "--fork", "--kill-child"]
    command = ["unshare", *namespaces, sys.executable, *sys.argv, "--inside", directory]
    return subprocess.run(command, check=False).returncode


def as_init():
    """Collects the processes whose parents have ended, as the first process of a system has to. A child continues."""
    child = os.fork()
    if child == 0:
        return
    while True:
        ended, status = os.wait()
        if ended == child:
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("service")
    parser.add_argument("patroni")
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES])
    parser.add_argument("--logs", help="an empty directory for all files, which stay")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside is None:
        if arguments.logs is not None:
            os.makedirs(arguments.logs)
            sys.exit(in_namespaces(arguments.logs))
        with tempfile.TemporaryDirectory() as directory:
            sys.exit(in_namespaces(directory))
    as_init()
    # `ip netns` keeps the names of network namespaces here.
    os.makedirs("/run/netns", exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run/netns"], check=True)
    # The hosts' programs start in another directory.
    arguments.patroni = os.path.abspath(arguments.patroni)
    rehearse_all(arguments, arguments.inside)


main()
