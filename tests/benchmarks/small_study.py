"""Two trials of a twentieth of a second, as a command: trained in its process, and through a local Ray."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile
import time

from sensitivity.study.study import Study

ROOT = pathlib.Path(__file__).parents[2]
REPEATS = 3
STUDY = Study(
    name="tiny",
    tasks=["logistic/synthetic"],
    variants=["sgd"],
    design={"kind": "grid", "points": {"lr": 2}},
    seeds=1,
    epochs=2,
    limit=200,
)


def seconds(where: str, folder: pathlib.Path) -> float:
    """Return the shortest time of a command that trains the study."""
    (folder / "tiny.json").write_text(STUDY.to_json())
    times = []
    for repeat in range(REPEATS):
        command = ["run", "tiny.json", "--no-report", "--where", where, "--store", f"{where}{repeat}.sqlite"]
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "sensitivity", *command],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
        )
        times.append(time.perf_counter() - began)
    return min(times)


def main() -> None:
    """Print the seconds of both, and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        times = {where: seconds(where, pathlib.Path(folder)) for where in ("process", "ray")}
    print("\n".join(f"{where}: {spent:.1f} s" for where, spent in times.items()))
    print(f"ray / process: {times['ray'] / times['process']:.1f}")


if __name__ == "__main__":
    main()
