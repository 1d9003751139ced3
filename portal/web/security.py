"""Headers and hosts (security.md "HTTP", ASVS V3)."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.middleware.proxy_fix import ProxyFix

from config import LOOPBACK, Settings

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; "
    "frame-src 'self'; frame-ancestors 'none'"
)


def init_app(app: Flask, settings: Settings) -> None:
    """Known hosts only, the true client address, and the same headers on every answer."""
    hosts = {urlsplit(settings.public_base_url).hostname or ""}
    if not settings.production:
        hosts |= LOOPBACK
    app.config["TRUSTED_HOSTS"] = sorted(hosts)
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.trusted_proxies, x_proto=1, x_host=0
        )
    secure = settings.public_base_url.startswith("https://")

    @app.after_request
    def _headers(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", CSP)
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        if secure:
            headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
        if request.endpoint == "static":
            headers["Cache-Control"] = "public, max-age=31536000, immutable"
        else:
            headers["Cache-Control"] = "no-store"
            response.vary.add("Cookie")
            response.vary.add("HX-Request")
        return response


def client_address() -> str:
    """The address that limits count: the socket's, or what the trusted proxies say."""
    return request.remote_addr or "unknown"
