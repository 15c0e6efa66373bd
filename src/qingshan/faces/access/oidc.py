"""OpenID Connect: authorization code with PKCE for browsers, access tokens (JWT) for programs, keys that the provider may rotate.

Settings are a file `oidc.toml` in the venue's folder: issuer, client_id, audience (of access tokens), zh and en (the provider's name). The
client's secret is read from the environment (QINGSHAN_OIDC_SECRET) and never written down. An identity is the text `issuer subject`, which
stands in the field `login` of the actor's record: who that is and what he may do is on the ledger, not in the token.
"""

from __future__ import annotations

import os
import threading
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.common.security import generate_token
from authlib.integrations.httpx_client import OAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from qingshan.core.errors import QingshanError

__all__ = ["SECRET", "Provider", "ProviderSettings", "SignInFailed", "read_settings"]

SECRET = "QINGSHAN_OIDC_SECRET"  # noqa: S105 - the name of a variable
FILE = "oidc.toml"
ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
TIMEOUT_S, LEEWAY_S, REFETCH_S = 5.0, 60, 10.0


class SignInFailed(QingshanError):
    """The identity provider did not vouch for anyone."""

    code = "sign_in_failed"


@dataclass(frozen=True)
class ProviderSettings:
    issuer: str
    client_id: str
    audience: str
    zh: str
    en: str
    secret: str = ""


def read_settings(folder: Path) -> ProviderSettings | None:
    """The settings of a venue; None where it has none. Raises `QingshanError` for a file that cannot be."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        made = ProviderSettings(
            **{k: str(raw[k]) for k in ("issuer", "client_id", "audience", "zh", "en")},
            secret=os.environ.get(SECRET, ""),
        )
    except (KeyError, ValueError) as error:
        raise QingshanError(
            f"the settings cannot be read: {error}.", f"设置无法读取：{error}。", where=str(path)
        ) from None
    _need_https(made.issuer, path.name)
    return made


def _need_https(url: str, where: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")):
        raise QingshanError(f"{url} is not https.", f"{url} 不是 https 地址。", where=where)


class Provider:
    """One identity provider. Its documents are fetched when first needed."""

    def __init__(self, settings: ProviderSettings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._metadata: dict[str, Any] = {}
        self._keys: KeySet | None = None
        self._fetched = -REFETCH_S

    # ---- browsers --------------------------------------------------------------------------------------------------

    def start(self, redirect: str) -> tuple[str, str, str, str]:
        """Where to send the browser, and the state, nonce and code verifier to keep meanwhile. Raises `SignInFailed`."""
        nonce, verifier = generate_token(32), generate_token(64)
        with self._client(redirect) as client:
            url, state = client.create_authorization_url(
                self.metadata()["authorization_endpoint"], code_verifier=verifier, nonce=nonce
            )
        return str(url), str(state), nonce, verifier

    def finish(self, redirect: str, code: str, verifier: str, nonce: str) -> str:
        """The identity behind an authorization code. Raises `SignInFailed`."""
        try:
            with self._client(redirect) as client:
                token = client.fetch_token(
                    self.metadata()["token_endpoint"],
                    code=code,
                    code_verifier=verifier,
                    grant_type="authorization_code",
                )
        except (AuthlibBaseError, httpx.HTTPError, ValueError) as error:
            raise _failed(f"the provider gave no token: {error}") from None
        claims = self._claims(token.get("id_token", ""), self.settings.client_id)
        if claims.get("nonce") != nonce:
            raise _failed("the token was made for another sign-in")
        return self._identity(claims)

    def _client(self, redirect: str) -> OAuth2Client:
        s = self.settings
        return OAuth2Client(
            s.client_id, s.secret or None, redirect_uri=redirect, scope="openid", code_challenge_method="S256", timeout=TIMEOUT_S,
            token_endpoint_auth_method="client_secret_basic" if s.secret else "none",
        )  # fmt: skip

    # ---- programs --------------------------------------------------------------------------------------------------

    def bearer(self, token: str) -> str:
        """The identity behind an access token for this venue. Raises `SignInFailed`."""
        return self._identity(self._claims(token, self.settings.audience))

    # ---- tokens ----------------------------------------------------------------------------------------------------

    def metadata(self) -> dict[str, Any]:
        """The provider's discovery document. Raises `SignInFailed`."""
        with self._lock:
            if not self._metadata:
                found = _fetched(self.settings.issuer.rstrip("/") + "/.well-known/openid-configuration")
                if found.get("issuer") != self.settings.issuer:
                    raise _failed("its discovery document names another issuer")
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                    _need_https(str(found.get(name)), name)
                self._metadata = found
            return self._metadata

    def _claims(self, token: str, audience: str) -> dict[str, Any]:
        try:
            try:
                decoded = jwt.decode(token, self._keyset(), algorithms=ALGORITHMS)
            except (ValueError, JoseError):  # perhaps the provider has changed its keys
                decoded = jwt.decode(token, self._keyset(fresh=True), algorithms=ALGORITHMS)
            jwt.JWTClaimsRegistry(
                leeway=LEEWAY_S, iss={"essential": True, "value": self.settings.issuer}, sub={"essential": True},
                aud={"essential": True, "value": audience}, exp={"essential": True}, iat={"essential": True},
            ).validate(decoded.claims)  # fmt: skip
        except (JoseError, ValueError, TypeError, AttributeError) as error:
            raise _failed(f"its token does not hold: {error}") from None
        claims = dict(decoded.claims)
        if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != self.settings.client_id:
            raise _failed("its token is for several audiences and another client")
        return claims

    def _keyset(self, *, fresh: bool = False) -> KeySet:
        url = self.metadata()["jwks_uri"]
        with self._lock:
            now = time.monotonic()
            if self._keys is None or (fresh and now - self._fetched >= REFETCH_S):
                self._fetched = now
                self._keys = KeySet.import_key_set(_fetched(url))  # type: ignore[arg-type]
            return self._keys

    def _identity(self, claims: dict[str, Any]) -> str:
        return f"{self.settings.issuer} {claims['sub']}"


def _fetched(url: str) -> dict[str, Any]:
    try:
        answer = httpx.get(url, timeout=TIMEOUT_S, follow_redirects=False)
        answer.raise_for_status()
        return dict(answer.json())
    except (httpx.HTTPError, ValueError) as error:
        raise _failed(f"{url} does not answer: {error}") from None


def _failed(why: str) -> SignInFailed:
    return SignInFailed(
        f"signing in failed: {why}.", f"登录失败：{why}。", fix="try again, or tell the operator / 重试，或告知运营机构"
    )
