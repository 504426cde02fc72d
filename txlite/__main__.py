"""``python -m txlite``: the command line, also for ``torchrun -m txlite train …``."""

from txlite.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
