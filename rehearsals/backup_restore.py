#!/usr/bin/env python3
"""Rehearses backup and restore as the operations manual describes it: backup_restore.py SERVICE.

A service creates records, pg_dump saves them while the service runs, and pg_restore loads them into a new database. A
service on the new database must return every response of the first one, byte for byte.
DATABASE_URL names the superuser of a Postgres that needs no password.
"""

import os
import sys
import tempfile
import uuid

import records
from registry import Api, database, run, serving

SERVICE = sys.argv[1]
SERVER = os.environ["DATABASE_URL"]
FIRST, SECOND = "rehearsal_first", "rehearsal_second"
OWNER, ROLE = "rehearsal_owner", "rehearsal_service"
# The grants of the operations manual.
GRANTS = f"""
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {ROLE};
GRANT DELETE ON tenants, projects, idempotency_records TO {ROLE};
REVOKE UPDATE ON audit_log FROM {ROLE};
REVOKE INSERT, UPDATE ON deleted_tenants FROM {ROLE};
REVOKE INSERT, UPDATE ON __diesel_schema_migrations FROM {ROLE};
SELECT audit_log_grant_columns();
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE ON TABLES TO {ROLE};
"""


def sql(name, text, user="postgres"):
    url = database(SERVER, name, user)
    command = ["psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--command", text, url]
    run(*command, env={**os.environ, "PGOPTIONS": "-c client_min_messages=warning"})


def service(name):
    return serving(SERVICE, arguments=["--no-migrate"], DATABASE_URL=database(SERVER, name, ROLE))


def clear():
    """Removes everything this script creates, including the remains of an interrupted run."""
    for name in FIRST, SECOND:
        sql("postgres", f"DROP DATABASE IF EXISTS {name}")
    sql("postgres", f"DROP ROLE IF EXISTS {OWNER}, {ROLE}")


def main():
    clear()
    sql("postgres", f"CREATE ROLE {OWNER} LOGIN; CREATE ROLE {ROLE} LOGIN")
    sql("postgres", f"CREATE DATABASE {FIRST} OWNER {OWNER}")
    run(SERVICE, "migrate", env={**os.environ, "DATABASE_URL": database(SERVER, FIRST, OWNER)})
    sql(FIRST, GRANTS, OWNER)

    with service(FIRST) as replica:
        made = records.make(Api(replica.url))
    # The shutdown has written the times of last use, so they no longer change.
    with tempfile.TemporaryDirectory() as directory, service(FIRST) as replica:
        api = Api(replica.url)
        before = records.read(api, made)
        newest = records.newest_event(api)
        dump = os.path.join(directory, "registry.dump")
        run("pg_dump", "--format=custom", f"--file={dump}", database(SERVER, FIRST, OWNER))
        size = os.path.getsize(dump)
        late = api.post(
            "/v1/tenants", {"slug": f"late-{uuid.uuid4().hex[:6]}", "name": "After the dump"}, expect=201
        ).json()

        sql("postgres", f"CREATE DATABASE {SECOND} OWNER {OWNER}")
        run(
            "pg_restore", "--exit-on-error", "--single-transaction", f"--dbname={database(SERVER, SECOND, OWNER)}", dump
        )
        # The planner's statistics are not in the dump.
        sql(SECOND, "ANALYZE")

    with service(SECOND) as replica:
        api = Api(replica.url)
        after = records.read(api, made)
        differing = [asked for asked in before if after.get(asked) != before[asked]]
        if differing or before.keys() != after.keys():
            raise SystemExit(
                f"{len(differing)} responses differ; the first is {differing[:1]}; before:\n"
                f"{before.get(next(iter(differing), None))}\nafter:\n{after.get(next(iter(differing), None))}"
            )
        records.verify(api, made)
        api.expect(404, "GET", f"/v1/tenants/{late['id']}")
        event = api.post("/v1/audit", {"action": "restore.rehearsed"}, expect=201).json()
        if event["id"] <= newest:
            raise SystemExit(f"the audit log continues at {event['id']}, which is not after {newest}")
        # The restored database accepts new records, and its audit log rejects deletes even by the superuser.
        records.make(api, tenants=4, events=4)
        sql(
            SECOND,
            """
            DO $$ BEGIN DELETE FROM audit_log; RAISE 'the audit log accepted a delete';
            EXCEPTION WHEN restrict_violation THEN NULL; END $$""",
        )
    print(
        f"backup and restore: {len(before)} identical responses, {len(made.keys)} keys verify as before, "
        f"the audit log continues after event {newest}, the dump is {size} bytes"
    )
    clear()


main()
