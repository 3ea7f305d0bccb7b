#!/usr/bin/env python3
"""Measures what row-level security costs: row_security.py SERVICE [OLD_SERVICE].

Callers of all tenants and of one tenant send requests one after the other to the service with DATABASE_ROW_SECURITY off
and on, in turn, and to OLD_SERVICE if it is given. Prints a table in Markdown: the median time of a request, and the
ratio to the service with `off`. DATABASE_URL names the superuser of an empty Postgres. openssl signs the tokens.
"""

import base64
import http.server
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack

from registry import Api, psql, serving

ROUNDS = 30
REQUESTS = 50
EVENTS = 20_000


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """An OpenID Connect issuer with one key."""

    def __init__(self, folder):
        self.key = str(pathlib.Path(folder) / "key.pem")
        run = {"check": True, "capture_output": True}
        subprocess.run(["openssl", "genrsa", "-out", self.key, "2048"], **run)
        modulus = subprocess.run(["openssl", "rsa", "-in", self.key, "-noout", "-modulus"], text=True, **run).stdout
        modulus = bytes.fromhex(modulus.strip().split("=")[1])
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1", "n": base64url(modulus), "e": "AQAB"}
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                documents = {
                    "/.well-known/openid-configuration": {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/keys"},
                    "/keys": {"keys": [key]},
                }
                body = json.dumps(documents[self.path]).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def token(self, **claims):
        claims = {
            "iss": self.url,
            "aud": "tenant-registry",
            "sub": "bench",
            "exp": int(time.time()) + 86_400,
            "realm_access": {"roles": ["bench"]},
            **claims,
        }
        parts = [{"alg": "RS256", "kid": "1", "typ": "JWT"}, claims]
        signed = ".".join(base64url(json.dumps(part).encode()) for part in parts)
        command = ["openssl", "dgst", "-sha256", "-sign", self.key]
        signature = subprocess.run(command, input=signed.encode(), check=True, capture_output=True).stdout
        return f"{signed}.{base64url(signature)}"


def requests(tenant, plaintext):
    verify = {"key": plaintext}
    return {
        "tenant get": ("GET", f"/v1/tenants/{tenant}", None),
        "verify, warm": ("POST", "/v1/internal/api-keys/verify", verify),
        "audit list, of a tenant": ("GET", f"/v1/audit?tenant_id={tenant}", None),
        "audit list, with a filter that matches nothing": ("GET", f"/v1/audit?tenant_id={tenant}&action=bench.7", None),
        "api key list": ("GET", f"/v1/api-keys?tenant_id={tenant}", None),
        "api key list, of a product": ("GET", f"/v1/api-keys?tenant_id={tenant}&product=insights", None),
        "append": ("POST", "/v1/audit", {"tenant_id": tenant, "action": "bench.appended"}),
    }


def median_seconds(api, request):
    times = []
    for _ in range(REQUESTS):
        began = time.perf_counter()
        response = api.call(*request)
        times.append(time.perf_counter() - began)
        if response.status >= 300:
            raise SystemExit(f"{request}: {response.status}: {response.body.decode()}")
    return statistics.median(times)


def fill(operator, tenant):
    """Adds records to the tenant, and as many to others."""
    psql(
        "--command",
        f"""
        INSERT INTO tenants (id, slug, name, status, kind, plan, created_at, updated_at)
        SELECT gen_random_uuid(), 'bench-' || n, 'n', 'active', 'customer', 'starter', now(), now()
        FROM generate_series(1, 500) AS n;
        INSERT INTO audit_log (tenant_id, action, created_at)
        SELECT CASE WHEN n % 2 = 0 THEN '{tenant}'::uuid ELSE id END, 'bench.' || n % 50, now() - n * interval '1 s'
        FROM generate_series(1, {EVENTS}) AS n JOIN (
            SELECT id, row_number() OVER () AS number FROM tenants
        ) AS numbered ON number = 1 + n % 500;
        INSERT INTO api_keys (id, tenant_id, name, scopes, prefix, hash, product, created_at)
        SELECT gen_random_uuid(), id, 'n', '{{}}', 'bp_00000000', hash, 'insights', now()
        FROM tenants, (SELECT hash FROM api_keys LIMIT 1) AS one, generate_series(1, 20);
        """,
    )
    psql("--command", "VACUUM ANALYZE")
    operator.get("/readyz")


def main():
    programs = sys.argv[1:]
    with ExitStack() as stack:
        issuer = Issuer(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = {"OIDC_ISSUER": issuer.url, "OIDC_ROLES": "bench=*"}
        psql("--command", "CREATE ROLE tenant_registry_bound")

        def start(program, **more):
            return stack.enter_context(serving(program, **settings, **more))

        with serving(programs[0], **settings):
            pass  # It has migrated the schema.
        psql("--command", "SELECT row_security_enable()")
        # Policies are not for a superuser, who would make the service of all tenants look cheaper.
        psql("--command", "CREATE ROLE bench LOGIN NOINHERIT; GRANT tenant_registry_bound TO bench")
        psql("--command", "GRANT ALL ON ALL TABLES IN SCHEMA public TO bench; GRANT ALL ON SCHEMA public TO bench")
        url = os.environ["DATABASE_URL"].replace("//postgres@", "//bench@")
        arguments = {"DATABASE_URL": url}
        services = {kind: start(programs[0], DATABASE_ROW_SECURITY=kind, **arguments) for kind in ("off", "on")}
        if len(programs) > 1:
            services["old"] = start(programs[1], **arguments)
        for service in services.values():
            while not service.is_ready():
                time.sleep(0.1)
        operator = Api(services["off"].url, token=issuer.token())
        tenant = operator.post("/v1/tenants", {"slug": "own", "name": "n"}, expect=201).json()["id"]
        key = operator.post("/v1/api-keys", {"tenant_id": tenant, "name": "n"}, expect=201).json()
        fill(operator, tenant)
        callers = {"all tenants": issuer.token(), "one tenant": issuer.token(tenant_id=tenant)}
        apis = {
            (caller, name): Api(service.url, token=token)
            for caller, token in callers.items()
            for name, service in services.items()
        }
        columns = list(apis)
        print("| request | " + " | ".join(f"{caller}, {name}: ms" for caller, name in columns) + " | ratios to `off` |")
        print("|---|" + "---:|" * len(columns) + "---|")
        for name, request in requests(tenant, key["plaintext"]).items():
            for api in apis.values():
                median_seconds(api, request)
            rounds = [{column: median_seconds(api, request) for column, api in apis.items()} for _ in range(ROUNDS)]
            median = {column: statistics.median(it[column] for it in rounds) for column in columns}
            ratios = [
                f"{caller}, {kind}: {statistics.median(it[caller, kind] / it[caller, 'off'] for it in rounds):.3f}"
                for caller, kind in columns
                if kind != "off"
            ]
            cells = " | ".join(f"{median[column] * 1000:.2f}" for column in columns)
            print(f"| {name} | {cells} | {'; '.join(ratios)} |", flush=True)


main()
