"""A small application behind the guard, and clients of it: what is refused does not depend on what the
service does."""

from __future__ import annotations

import asyncio
import functools
import pathlib
from typing import Any

import httpx
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from sensitivity.service.access import guard, required_tokens
from sensitivity.service.problems import answer_problems
from sensitivity.service.settings import Settings

READER, WRITER = "reader-" + "r" * 32, "writer-" + "w" * 32
HERE = "http://127.0.0.1:8050"
PAGE = {"accept": "text/html,*/*;q=0.8"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def token_file(
    folder: pathlib.Path, text: str = f"read {READER}\nwrite {WRITER}\n", mode: int = 0o600
) -> pathlib.Path:
    place = folder / "tokens"
    place.write_text(text)
    place.chmod(mode)
    return place


def guarded(folder: pathlib.Path, *, tokens: bool = True, **more: Any) -> FastAPI:
    """The application. Args: tokens: with a reader's and a writer's; else open to this machine."""
    app = FastAPI(openapi_url=None)
    answer_problems(app)

    @app.get("/api/v1/studies")
    def studies(request: Request) -> dict[str, str]:
        return {"access": request.state.access}

    @app.post("/api/v1/studies")
    async def create(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    @app.delete("/api/v1/studies/{name}")
    def delete(name: str) -> dict[str, str]:
        return {"deleted": name}

    @app.post("/_dash-update-component")
    @app.post("/api/v1/studies/x/_dash-update-component")
    def callback() -> dict[str, str]:
        return {"drawn": "it"}

    @app.get("/api/v1/studies/x/report", response_class=HTMLResponse)
    @app.get("/", response_class=HTMLResponse)
    def page() -> str:
        return "<h1>studies</h1>"

    @app.get("/healthz")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    settings = Settings(
        "x.sqlite", data=folder / "data", token_file=token_file(folder) if tokens else None, **more
    )
    guard(app, settings, required_tokens(settings))
    return app


class Visitor:
    """A client that keeps its cookies, and follows nothing. Args: address: where it is. base_url: where it
    goes."""

    def __init__(self, app: FastAPI, *, base_url: str = HERE, address: str = "127.0.0.1") -> None:
        self.app, self.base_url, self.address, self.cookies = app, base_url, address, httpx.Cookies()
        for method in ("get", "post", "delete"):
            setattr(self, method, functools.partial(self.request, method))

    get: Any
    post: Any
    delete: Any

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, client=(self.address, 1))
            async with httpx.AsyncClient(
                transport=transport, base_url=self.base_url, cookies=self.cookies
            ) as client:
                answer = await client.request(method, path, **more)
                self.cookies = client.cookies
                return answer

        return asyncio.run(send())

    def log_in(self, token: str, **form: str) -> httpx.Response:
        """Post the login form as a browser does."""
        return self.request(
            "POST", "/login", data={"token": token, **form}, headers={"origin": self.base_url, **PAGE}
        )
