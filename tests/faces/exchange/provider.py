"""A small OpenID provider on loopback: discovery, keys, authorization code with PKCE, access tokens. What it signs can be made wrong."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, AUDIENCE, SECRET_WORD = "qingshan", "qingshan-api", "a secret of the tests"


class SmallProvider:
    """`subject` is who signs in next; `wrong` claims are put over the right ones."""

    def __init__(self) -> None:
        self.subject, self.wrong = "sub-traderX", dict[str, Any]()
        self.codes: dict[str, dict[str, str]] = {}
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
        self.keys_asked = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.get(self)

            def do_POST(self) -> None:
                outer.token(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}/idp"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def rotate(self, kid: str) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})

    def get(self, to: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(to.path)
        if parts.path.endswith("openid-configuration"):
            base = self.issuer
            answer(
                to,
                {
                    "issuer": base,
                    "authorization_endpoint": f"{base}/authorize",
                    "token_endpoint": f"{base}/token",
                    "jwks_uri": f"{base}/keys",
                },
            )
        elif parts.path.endswith("/keys"):
            self.keys_asked += 1
            answer(to, {"keys": [self.key.as_dict(private=False)]})
        elif parts.path.endswith("/authorize"):
            asked = {k: v[0] for k, v in parse_qs(parts.query).items()}
            code = secrets.token_urlsafe(16)
            self.codes[code] = asked
            to.send_response(302)
            to.send_header("Location", f"{asked['redirect_uri']}?code={code}&state={asked['state']}")
            to.end_headers()

    def token(self, to: BaseHTTPRequestHandler) -> None:
        form = {k: v[0] for k, v in parse_qs(to.rfile.read(int(to.headers["Content-Length"])).decode()).items()}
        begun = self.codes.pop(form.get("code", ""), None)
        challenge = (
            base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
            .rstrip(b"=")
            .decode()
        )
        client = base64.b64decode(to.headers.get("Authorization", " ").split(" ")[1]).decode()
        if begun is None or challenge != begun.get("code_challenge") or client != f"{CLIENT}:{SECRET_WORD}":
            answer(to, {"error": "invalid_grant"}, 400)
            return
        token = self.signed(CLIENT, nonce=begun["nonce"])
        answer(
            to, {"access_token": self.signed(AUDIENCE), "id_token": token, "token_type": "Bearer", "expires_in": 300}
        )

    def signed(self, audience: str, **more: Any) -> str:
        now = int(time.time())
        claims = (
            {"iss": self.issuer, "sub": self.subject, "aud": audience, "iat": now, "exp": now + 300} | more | self.wrong
        )
        return jwt.encode(
            {"alg": "RS256", "kid": self.key.kid}, {k: v for k, v in claims.items() if v is not None}, self.key
        )


def answer(to: BaseHTTPRequestHandler, content: Any, status: int = 200) -> None:
    raw = json.dumps(content).encode()
    to.send_response(status)
    to.send_header("Content-Type", "application/json")
    to.send_header("Content-Length", str(len(raw)))
    to.end_headers()
    to.wfile.write(raw)
