#!/usr/bin/env python3
"""Runs the service behind PgBouncer, set up as in the operations manual: behind_pgbouncer.py SERVICE [PGBOUNCER].

Many concurrent callers use every operation over far fewer connections, in each pool mode that this PgBouncer supports.
DATABASE_URL names the superuser of a Postgres that needs no password.
"""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import records
from registry import Api, database, free_port, run, serving

SERVICE = sys.argv[1]
# Debian installs it outside the PATH of most users.
PGBOUNCER = sys.argv[2:] or [shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"]
SERVER = os.environ["DATABASE_URL"]
DATABASE, ROLE = "behind_pgbouncer", "registry_pooled"
CALLERS = 8
# Fewer than the service opens, so that callers share them.
SERVER_CONNECTIONS = {"transaction": 4, "session": 40}

# The session settings that the service sends in `options`. PgBouncer does not forward them.
SESSION = {
    "statement_timeout": "5s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "5s",
    "plan_cache_mode": "force_generic_plan",
    "enable_sort": "off",
    "enable_incremental_sort": "off",
}


def sql(name, *texts):
    commands = [word for text in texts for word in ("--command", text)]
    environment = {**os.environ, "PGOPTIONS": "-c client_min_messages=warning"}
    return run(
        "psql",
        "--no-psqlrc",
        "--quiet",
        "--tuples-only",
        "--no-align",
        "--set",
        "ON_ERROR_STOP=1",
        *commands,
        database(SERVER, name),
        env=environment,
    )


def version():
    text = run(*PGBOUNCER, "--version")
    return tuple(int(number) for number in re.search(r"PgBouncer (\d+)\.(\d+)", text).groups())


def clear():
    sql("postgres", f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)", f"DROP ROLE IF EXISTS {ROLE}")


@contextmanager
def pgbouncer(mode):
    """Starts PgBouncer and yields its port."""
    port = free_port()
    server = re.search(r"@([^:/]+):(\d+)", SERVER)
    settings = [
        f"[databases]\n{DATABASE} = host={server[1]} port={server[2]} dbname={DATABASE} user={ROLE}\n[pgbouncer]",
        "listen_addr = 127.0.0.1",
        f"listen_port = {port}",
        "auth_type = any",
        f"pool_mode = {mode}",
        f"default_pool_size = {SERVER_CONNECTIONS[mode]}",
        "max_client_conn = 200",
        "ignore_startup_parameters = options",
        "unix_socket_dir =",
    ]
    if mode == "transaction":
        settings.append("max_prepared_statements = 200")
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory, "pgbouncer.ini")
        file.write_text("\n".join(settings) + "\n", encoding="ascii")
        file.chmod(0o644)
        os.chmod(directory, 0o755)
        # PgBouncer does not run as root.
        user = ["--user", "nobody"] if os.geteuid() == 0 else []
        process = subprocess.Popen([*PGBOUNCER, "--quiet", *user, str(file)])
        try:
            wait_for(port, process)
            yield port
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def wait_for(port, process):
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit("PgBouncer did not start") from None
            time.sleep(0.05)


def walk(url):
    api = Api(url)
    made = records.make(api, tenants=4, events=600)
    records.verify(api, made)
    responses = records.read(api, made)
    return len(responses)


def main():
    clear()
    sql(
        "postgres",
        f"CREATE ROLE {ROLE} LOGIN",
        f"CREATE DATABASE {DATABASE} OWNER {ROLE}",
        *(f"ALTER ROLE {ROLE} IN DATABASE {DATABASE} SET {name} = '{value}'" for name, value in SESSION.items()),
    )
    # Not through PgBouncer: migrations take a session-level lock.
    run(SERVICE, "migrate", env={**os.environ, "DATABASE_URL": database(SERVER, DATABASE, ROLE)})
    found = version()
    modes = ["session", "transaction"] if found >= (1, 21) else ["session"]
    for mode in modes:
        with pgbouncer(mode) as port:
            url = database(SERVER, DATABASE, ROLE, port)
            with serving(SERVICE, arguments=["--no-migrate"], DATABASE_URL=url) as replica:
                with ThreadPoolExecutor(CALLERS) as callers:
                    responses = sum(callers.map(walk, [replica.url] * CALLERS))
                connections = sql("postgres", f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{ROLE}'")
        print(
            f"PgBouncer {'.'.join(map(str, found))}, {mode}: {CALLERS} callers, {responses} responses read, "
            f"{connections} connections to the server"
        )
    clear()


main()
