"""The application: the API, the dashboard and the routes of operators."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import APIRouter, FastAPI, Request, Response, Security
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool

from sensitivity.service.access import LOGIN, guard, required_tokens
from sensitivity.service.context import Context, KeptSlashes, ServiceContext
from sensitivity.service.degraded import Degraded
from sensitivity.service.events import Events
from sensitivity.service.guests import import_modules
from sensitivity.service.head_requests import HeadRequests
from sensitivity.service.headers import dashboard_scripts
from sensitivity.service.listing import lister, queue
from sensitivity.service.metrics import CONTENT_TYPE, Metrics
from sensitivity.service.models import Health
from sensitivity.service.problems import PROBLEMS, answer_problems, problem
from sensitivity.service.routes import answers, catalogue, changes, notes, studies, trials
from sensitivity.service.routes import tables as table_routes
from sensitivity.service.runs import Runs
from sensitivity.service.table_files import FOLDER as TABLES_FOLDER
from sensitivity.service.table_files import TableFiles
from sensitivity.service.views import Paced
from sensitivity.service.wsgi import FromWsgi
from trainables.names import InputError

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from sensitivity.service.settings import Settings
    from sensitivity.service.study_process import Launch

SERVICE_PATHS = ("/api/", "/healthz", "/readyz", "/metrics", "/openapi.json")
"""Paths that are never the dashboard's."""
EVERY_EPOCH = "/download/epochs.csv"
"""Path of the dashboard's file of every epoch, which the dashboard would make in memory."""


def create_app(settings: Settings, launch: Launch | None = None) -> FastAPI:
    """Return the service as an ASGI application.

    Args:
        settings: Settings of the service.
        launch: Starts the process of a study; :func:`sensitivity.service.study_process.start_process` if
            None.
    Raises: InputError for settings with which the service cannot start.
    """
    from dash.exceptions import DependencyException

    from sensitivity.dashboard.app import dashboard
    from sensitivity.store.store import Store

    tokens = required_tokens(settings)
    import_modules(settings)
    nearest = next(path for path in (settings.data, *settings.data.absolute().parents) if path.exists())
    if not nearest.is_dir():  # before the store is made
        raise InputError(f"--data {str(settings.data)!r} cannot be written: {str(nearest)!r} is not a folder")
    Store(settings.store).close()  # made where it is not there
    source = Paced(settings.store)
    degraded = Degraded()
    runs = Runs(settings, launch, ended=source.invalidate, degraded=degraded)
    source.submitted = queue(runs)
    look = lister(source, runs)
    tables = TableFiles(settings.data / TABLES_FOLDER)  # after the runs, which have locked the folder
    events, metrics = Events(look, degraded), Metrics(look, degraded)

    @asynccontextmanager
    async def living(app: FastAPI) -> AsyncIterator[None]:
        source.warm()
        runs.start()
        yield
        events.close()
        await run_in_threadpool(tables.close)
        await run_in_threadpool(runs.close)
        await run_in_threadpool(source.close)

    app = FastAPI(
        title="optimizer-sensitivity",
        summary="How sensitive is each optimizer variant to its hyperparameters, which of them matter, and "
        "how sure are we?",
        version="1",
        docs_url=None,  # its pages would be fetched from elsewhere
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        dependencies=[Security(HTTPBearer(auto_error=False))]
        if tokens
        else None,  # for the document: the guard decides
        lifespan=living,
    )
    app.state.context = Context(settings, source, runs, events, degraded, tables)
    answer_problems(app, degraded)
    for routes_module in (studies, changes, notes, trials, table_routes, answers, catalogue):
        app.include_router(routes_module.router, responses=PROBLEMS)
    app.include_router(_operating(metrics))
    board = dashboard(source, account=LOGIN if tokens else None)
    board.server.register_error_handler(DependencyException, lambda error: ("there is no such script", 404))
    pages = FromWsgi(board.server)

    async def rest(scope: Scope, receive: Receive, send: Send) -> None:
        """Hand every path without a route to the dashboard, but for those of programs."""
        path = "/" + scope["path"].lstrip("/")
        if scope["type"] == "http" and (
            path.startswith(SERVICE_PATHS) or path == "/api" or scope["path"].startswith("//")
        ):
            await problem(404, f"there is no {scope['path']!r} here; /openapi.json says what there is")(
                scope, receive, send
            )
        elif path == EVERY_EPOCH:
            await table_routes.epochs_of_dashboard(Request(scope, receive))(scope, receive, send)
        else:
            await pages(scope, receive, send)

    app.router.default = rest
    app.add_middleware(metrics.counting)
    guard(app, settings, tokens, dashboard_scripts(board))
    app.add_middleware(KeptSlashes)
    app.add_middleware(HeadRequests)
    return app


def _operating(metrics: Metrics) -> APIRouter:
    """Return the routes for operators."""
    router = APIRouter(tags=["operating"])

    @router.get("/healthz", response_model_exclude_none=True)
    def health() -> Health:
        """Answer while the service runs."""
        return Health()

    @router.get("/readyz", responses={503: PROBLEMS[503]}, response_model_exclude_none=True)
    def ready(request: Request, context: ServiceContext) -> Health:
        """Answer 200 if the store can be read.

        Parts that do not work just now are listed; the rest of the service goes on.
        """
        context.source.token()
        faults = context.degraded.faults()
        if not faults:
            return Health()
        if (
            getattr(request.state, "access", None) is None
        ):  # a probe without a token: nothing is said of studies
            return Health(status="degraded", degraded=[f"{len(faults)} of its parts"])
        return Health(status="degraded", degraded=[f"{part}: {cause}" for part, cause in faults.items()])

    @router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    def prometheus() -> Response:
        """Metrics for Prometheus."""
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    return router
