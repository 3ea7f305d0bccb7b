"""An OpenID Connect issuer with one key, for rehearsals in which callers have tokens."""

import base64
import json
import pathlib
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from registry import run

KEY_ID = "rehearsal"
LIFETIME = 3600


def encoded(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Issuer:
    """Serves the discovery document and the key, and issues tokens."""

    def __init__(self, folder):
        self.key = str(pathlib.Path(folder) / "key.pem")
        run("openssl", "genpkey", "-algorithm", "RSA", "-quiet", "-out", self.key)
        modulus = run("openssl", "rsa", "-in", self.key, "-modulus", "-noout").partition("=")[2]
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(issuer.documents[self.path]).encode())

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        key = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY_ID, "e": "AQAB"}
        self.documents = {
            "/.well-known/openid-configuration": {"issuer": self.url, "jwks_uri": f"{self.url}/keys"},
            "/keys": {"keys": [{**key, "n": encoded(bytes.fromhex(modulus))}]},
        }
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def token(self, subject, tenant=None):
        """Returns a token with the role `operator`, limited to a tenant if there is one."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": "tenant-registry", "sub": subject, "client_id": subject}
        claims |= {"iat": now, "exp": now + LIFETIME, "realm_access": {"roles": ["operator"]}}
        if tenant:
            claims["tenant_id"] = tenant
        parts = ({"alg": "RS256", "typ": "JWT", "kid": KEY_ID}, claims)
        text = ".".join(encoded(json.dumps(part).encode()) for part in parts)
        command = ["openssl", "dgst", "-sha256", "-sign", self.key]
        signature = subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, check=True).stdout
        return f"{text}.{encoded(signature)}"


@contextmanager
def issuing():
    with tempfile.TemporaryDirectory() as folder:
        issuer = Issuer(folder)
        try:
            yield issuer
        finally:
            issuer.server.shutdown()
