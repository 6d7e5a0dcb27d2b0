"""An OpenID Connect service as organisations run them, small: one client, any claims."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from django.test import Client

CLIENT, SECRET = "sightline", "shared secret of thirty-two bytes!"


class Service:
    """``claims`` is who signs in next; ``asked`` what the last visitor was sent here with."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {}
        self.asked: dict[str, str] = {}
        self.address = ""

    def document(self) -> dict[str, Any]:
        """What stands at ``/.well-known/openid-configuration``."""
        return {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "userinfo_endpoint": f"{self.address}/userinfo",
            "jwks_uri": f"{self.address}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }

    def token(self) -> dict[str, Any]:
        """The answer to a code."""
        now = int(time.time())
        told = {"iss": self.address, "aud": CLIENT, "iat": now, "exp": now + 300, **self.claims}
        return {
            "access_token": "x",
            "token_type": "Bearer",
            "id_token": jwt.encode(told, SECRET, algorithm="HS256"),
        }

    def person(self) -> dict[str, Any]:
        """The answer about the person."""
        return {name: self.claims[name] for name in self.claims if name != "auth_time"}

    def visit(self, browser: Client, start: str, **claims: Any) -> Any:
        """Let ``browser`` go from ``start`` through the service and back; where it ends."""
        self.claims = claims
        away = browser.get(start)
        assert away.status_code == 302, away.content
        assert away.headers["Location"].startswith(f"{self.address}/authorize?")
        query = parse_qs(urlsplit(away.headers["Location"]).query)
        self.asked = {name: values[0] for name, values in query.items()}
        back = urlsplit(self.asked["redirect_uri"]).path
        return browser.get(back, {"code": "c", "state": self.asked["state"]}, follow=True)


@contextmanager
def serve() -> Iterator[Service]:
    """The service behind a real socket."""
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            sent = parse_qs(self.rfile.read(size).decode())
            known = sent.get("client_secret") == [SECRET] and "code_verifier" in sent
            answers = {
                "/.well-known/openid-configuration": service.document,
                "/userinfo": service.person,
            }
            if self.path == "/token" and known:
                answers["/token"] = service.token
            answer = answers.get(self.path)
            body = json.dumps(answer() if answer else {"error": "invalid_client"}).encode()
            self.send_response(200 if answer else 401)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def log_message(self, *_words: Any) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
