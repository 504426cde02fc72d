"""Children that begin as a terminal begins them, however the tests themselves were started.

What a shell makes a job ignore, as for jobs in the background and under ``nohup``, is inherited by
all that the job starts: a signal sent to such a child would be lost.
"""

import os
import sys
from collections.abc import Sequence

__all__ = ["fresh"]

BEGIN = """import os, signal, sys
for name in ("SIGINT", "SIGTERM", "SIGHUP"):
    signal.signal(getattr(signal, name), signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, [])
os.execvp(sys.argv[1], sys.argv[1:])"""


def fresh(command: Sequence[str]) -> list[str]:
    """Return a command that runs another one, in the same process, with every signal heard."""
    return list(command) if os.name == "nt" else [sys.executable, "-S", "-c", BEGIN, *command]
