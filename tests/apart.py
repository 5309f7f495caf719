"""A hub that gives the service and each server a host of its own, on this machine."""

from __future__ import annotations

from jupyterhub.utils import subdomain_hook_idna

HOST = "hub.localhost"
CONFIG = f"""
c.JupyterHub.subdomain_host = c.JupyterHub.bind_url.replace("127.0.0.1", "{HOST}")
"""
SERVICE = subdomain_hook_idna("communities", HOST, kind="service")


def server_host(username: str) -> str:
    return subdomain_hook_idna(username, HOST, kind="user")
