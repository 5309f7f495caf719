"""*This device is shared*: the sign-in ends with the browser, and after eight hours at most."""

from __future__ import annotations

from typing import Any

from jupyterhub.handlers.base import BaseHandler

COOKIE = "communities-shared"
LONGEST_DAYS = 8 / 24


class DeviceMixin(BaseHandler):
    """For handlers that sign people in: cookies follow what was said of the device."""

    device_is_shared = False

    def _set_cookie(self, key: str, value: Any, encrypted: bool = True, **overrides: Any) -> None:
        """The Hub's way to every cookie, without an expiry date on a shared device."""
        if self.device_is_shared and encrypted:
            overrides["expires_days"] = None
        super()._set_cookie(key, value, encrypted=encrypted, **overrides)

    def remember_device(self) -> None:
        """Notes on the device when a shared sign-in began, or that it is not one."""
        if self.device_is_shared:
            self._set_cookie(COOKIE, "1", path=self.hub.base_url, samesite="Lax")
        else:
            self.clear_cookie(COOKIE, path=self.hub.base_url)


def is_expired(handler: BaseHandler) -> bool:
    """Did this device sign in as a shared one, longer than eight hours ago?"""
    if handler.get_cookie(COOKIE) is None:
        return False
    return handler.get_secure_cookie(COOKIE, max_age_days=LONGEST_DAYS) is None
