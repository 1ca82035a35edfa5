"""The command as ``python -m sensitivity.cli``, which manifests for Slurm and Kubernetes call."""

from __future__ import annotations

from sensitivity.command.main import app, main

__all__ = ["app", "main"]

if __name__ == "__main__":
    main()
