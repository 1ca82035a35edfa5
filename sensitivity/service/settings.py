"""What a service is started with."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Settings:
    """What a service is started with.

    Args:
        store: where results are kept, a SQLite file or a database URL; made when it is not there.
        data: the folder of the service: specifications and logs of its studies.
        address: of the Ray cluster that trains them; each study starts a local Ray of its own when not given.
        host, port: where it listens.
        max_trials: of one study. max_studies: that train at once; others wait in a queue. max_body: bytes of
            one request.
        gpus_per_worker: share of a GPU for each worker, 0 trains on the CPU. data_root: the folder of the
            datasets.
        modules: of the user's own whose tasks, variants and trainables a study may name.
        token_file: of those who may read and write.
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
