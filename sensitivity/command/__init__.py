"""The ``sensitivity`` command: one file a subcommand, and the process that a service starts."""
