"""``sensitivity dashboard``: the live pages of a store, for this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from sensitivity.command.options import DEFAULT_STORE, StorePlace
from trainables.names import InputError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def dashboard(
    store: StorePlace = DEFAULT_STORE,
    host: Annotated[str, typer.Option(help="This machine only.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes any that is free.", min=0, max=65535)] = 8050,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")] = True,
) -> None:
    """Watch studies while they run, in the browser: figures, filters, every trial. Needs no internet.

    It reads the store and changes nothing. Stop it with Ctrl+C.
    """
    if host not in LOOPBACK:
        raise InputError(
            f"--host must be {', '.join(LOOPBACK)}, got {host!r}; for others to read it, access control "
            "comes with the service"
        )
    try:
        from sensitivity.dashboard.serving import server
        from sensitivity.readers.source import Source
    except ImportError as error:
        raise InputError(
            f"the dashboard needs {error.name}; install it with: pip install 'optimizer-sensitivity[service]'"
        ) from None
    source = Source(store)
    source.token()  # a store that cannot be read is said here, not in the browser
    opened = server(source, host, port)
    address = f"http://{f'[{host}]' if ':' in host else host}:{opened.port}/"
    typer.echo(f"dashboard: {address}  (Ctrl+C stops it)")
    if browser:
        import webbrowser

        webbrowser.open(address)
    try:
        opened.serve_forever()  # returns on Ctrl+C
    finally:
        typer.echo("dashboard stopped")
        opened.server_close()
        source.close()
