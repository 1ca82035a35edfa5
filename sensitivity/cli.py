"""The command by an earlier path, which manifests for Slurm and Kubernetes call: ``python -m sensitivity.cli``."""

from __future__ import annotations

from sensitivity.command.main import app, main

__all__ = ["app", "main"]

if __name__ == "__main__":
    main()
