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
        # A window that another host has opened is out of its reach, and nothing here is loaded there.
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def image_headers() -> dict[str, str]:
    """Of a picture that was drawn for one person. Its style stands in it; opened by itself it may
    do nothing else, and is no page of ours."""
    return {
        "Content-Type": "image/svg+xml",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    }
