"""The command as a module: ``python -m sensitivity``."""

from __future__ import annotations

from sensitivity.command.main import main

if __name__ == "__main__":
    main()
