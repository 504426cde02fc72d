"""The command line: ``txlite train``, ``translate``, ``generate`` and ``info``."""

from txlite.cli.main import main

__all__ = ["main"]
