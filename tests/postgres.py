"""A PostgreSQL server of the tests' own, from the programs that the system has (Debian's package
``postgresql``)."""

from __future__ import annotations

import importlib.util
import itertools
import os
import pathlib
import shutil
import subprocess
import tempfile

PASSWORD = "a secret, of the tests"
"""Of the server's only user; it must never be seen."""


def programs() -> pathlib.Path | None:
    """The folder of ``initdb`` and ``pg_ctl``, of the newest release."""
    found = shutil.which("pg_ctl")
    debian = sorted(
        pathlib.Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda each: int(each.parts[-3])
    )
    return debian[-1].parent if debian else pathlib.Path(found).resolve().parent if found else None


def missing() -> str | None:
    """Why there can be no server here, or None."""
    if importlib.util.find_spec("psycopg") is None:
        return "needs psycopg (pip install 'optimizer-sensitivity[postgres]')"
    if programs() is None:
        return "needs PostgreSQL's programs (apt-get install postgresql)"
    if os.geteuid() == 0 and not shutil.which("runuser"):
        return "needs runuser, as PostgreSQL does not run as root"
    return None


class Server:
    """Listens on a socket in a temporary folder only. It gives empty places by :meth:`url`."""

    def __init__(self) -> None:
        self.folder = pathlib.Path(
            tempfile.mkdtemp(prefix="sensitivity-pg-", dir="/tmp")
        )  # a socket's path is short
        self._names = itertools.count()
        self._as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self._as_user:
            shutil.chown(self.folder, "postgres")
        words = self.folder / "password"
        words.write_text(PASSWORD)
        words.chmod(0o644)
        settings = [
            "--username=ada",
            "--auth=scram-sha-256",
            f"--pwfile={words}",
            "--no-sync",
            "--encoding=UTF8",
            "--no-locale",
        ]
        self._do("initdb", *settings)
        self.start()

    def _do(self, program: str, *arguments: str) -> None:
        place = programs()
        assert place is not None
        command = [*self._as_user, str(place / program), "-D", str(self.folder / "data"), *arguments]
        done = subprocess.run(
            command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Returns when it answers."""
        options = f"-c listen_addresses='' -k {self.folder} -c fsync=off -c max_connections=50"
        self._do("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        """At once, whoever is connected, as a crash would."""
        self._do("pg_ctl", "-w", "-m", "immediate", "stop")

    def url(self) -> str:
        """Of a new, empty place for tables: a schema, which costs less than a database."""
        name = f"place{next(self._names)}"
        self._create(f"SCHEMA {name}")
        return f"{self._url('postgres')}&options=-csearch_path%3D{name}"

    def database(self, name: str) -> str:
        """Of a new, empty database of that name."""
        self._create(f"DATABASE {name}")
        return self._url(name)

    def _create(self, what: str) -> None:
        import psycopg

        with psycopg.connect(
            host=str(self.folder), user="ada", password=PASSWORD, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(f"CREATE {what}")  # type: ignore[call-overload]

    def _url(self, database: str) -> str:
        secret = PASSWORD.replace(" ", "%20").replace(",", "%2C")
        return f"postgresql+psycopg://ada:{secret}@/{database}?host={self.folder}"

    def close(self) -> None:
        """Stop it, and leave nothing."""
        self.stop()
        shutil.rmtree(self.folder)
