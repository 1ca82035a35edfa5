"""Who may ask the service for what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainables.names import InputError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from sensitivity.service.settings import Settings

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def guard(app: FastAPI, settings: Settings) -> None:
    """Let only those in who may. Raises: InputError for a service that others could reach without a token."""
    if settings.host not in LOOPBACK:
        raise InputError(f"--host must be {', '.join(LOOPBACK)} without a token, got {settings.host!r}")
