"""The settings of a service."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Settings:
    """The settings of a service.

    Args:
        store: Where results are kept, a SQLite file or a database URL; made if it does not exist.
        data: Folder of the service: specifications and logs of its studies.
        address: Address of the Ray cluster that trains the studies; each study starts a local Ray if None.
        host: Address on which the service listens.
        port: Port on which the service listens.
        max_trials: Trials of one study, at most.
        max_studies: Studies that train at once; further studies wait in a queue.
        max_body: Bytes of one request, at most.
        gpus_per_worker: Share of a GPU for each worker; 0 trains on the CPU.
        data_root: Folder of the datasets.
        modules: Modules of the user whose tasks, variants and trainables a study may name.
        token_file: File of the tokens that may read or write.
    """

    store: str
    data: pathlib.Path = field(default_factory=lambda: pathlib.Path("service"))
    address: str | None = None
    host: str = "127.0.0.1"
    port: int = 8050
    max_trials: int = 10_000
    max_studies: int = 2
    max_body: int = 1_000_000
    gpus_per_worker: float = 0.0
    data_root: pathlib.Path | None = None
    modules: tuple[str, ...] = ()
    token_file: pathlib.Path | None = None
