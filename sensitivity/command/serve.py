"""``sensitivity serve``: studies over HTTP, with the dashboard."""

from __future__ import annotations

import pathlib
from contextlib import closing
from typing import Annotated

import typer

from sensitivity.command.options import DEFAULT_STORE, StorePlace
from trainables.names import InputError


def serve(
    store: StorePlace = DEFAULT_STORE,
    data: Annotated[
        pathlib.Path,
        typer.Option(help="Folder of the service: specifications, logs and reports of its studies."),
    ] = pathlib.Path("service"),
    address: Annotated[
        str | None,
        typer.Option(
            help="Ray cluster: auto on one of its nodes, or HOST:PORT of its head.",
            show_default="a local Ray for each study",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Where to listen; anywhere but on this machine needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes any that is free.", min=0, max=65535)] = 8050,
    max_trials: Annotated[int, typer.Option(help="Of one study.", min=1)] = 10_000,
    max_studies: Annotated[int, typer.Option(help="That train at once; others wait their turn.", min=1)] = 2,
    gpus_per_worker: Annotated[
        float, typer.Option(help="Share of a GPU for each worker; 0 trains on the CPU.", min=0)
    ] = 0.0,
    data_root: Annotated[
        pathlib.Path | None,
        typer.Option(help="Folder of the datasets (holds MNIST/raw, cifar10.npz ...).", show_default="data"),
    ] = None,
    allow_module: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A module of your own whose tasks, variants and trainables studies may name; repeat it.",
        ),
    ] = None,
    token_file: Annotated[
        pathlib.Path | None,
        typer.Option(
            help="Who may read and write, a line each: `read TOKEN` or `write TOKEN`.", show_default="none"
        ),
    ] = None,
) -> None:
    """Take studies over HTTP, train them, and show them: the API of docs/service.md, and the dashboard.

    Studies are processes of their own: they go on when the service is stopped, and the next service of the
    same --data finds them again.
    """
    try:
        from sensitivity.service.access import required_tokens
        from sensitivity.service.app import create_app
        from sensitivity.service.serving import Server, listen
        from sensitivity.service.settings import Settings
    except ImportError as error:
        raise InputError(
            f"the service needs {error.name}; install it with: pip install 'optimizer-sensitivity[service]'"
        ) from None
    settings = Settings(
        store=store, data=data, address=address, host=host, port=port, max_trials=max_trials,
        max_studies=max_studies,
        gpus_per_worker=gpus_per_worker, data_root=data_root, modules=tuple(allow_module or ()),
        token_file=token_file,
    )  # fmt: skip
    required_tokens(settings)
    with closing(listen(host, port)) as listening:  # before anything is written
        app = create_app(settings)
        shown = f"[{host}]" if ":" in host else host
        typer.echo(f"service: http://{shown}:{listening.getsockname()[1]}/  (Ctrl+C stops it; studies go on)")
        try:
            Server(app).run([listening])
        except KeyboardInterrupt:
            pass
        finally:
            typer.echo("service stopped")
