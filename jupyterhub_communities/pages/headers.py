"""The headers of every page of ours."""

from __future__ import annotations

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)


def page_headers() -> dict[str, str]:
    """Nothing inline, nothing from elsewhere, no framing, no referrer: codes stand on our pages.

    `form-action` is left open: signing in redirects through other addresses of the hub, and
    browsers apply it to redirects too.
    """
    return {
        "Content-Security-Policy": _POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
