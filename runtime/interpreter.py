"""Which Python may run the relay: `python runtime/interpreter.py` fails on one that may not.

A mail must not be rewritten by regular expressions that are known to be wrong, nor by a Python
whose changes nobody has read. This file is written so that older Pythons can read it too.
"""

from __future__ import annotations

import sys

OLDEST = (3, 11, 2)
"""3.11.0 and 3.11.1 match possessive repetitions wrongly (gh-100061); older ones have none."""

NEXT = (3, 15)
"""The first that is refused. 3.14 is accepted, although our tests have not run on it yet."""


def problem_with(version: tuple[int, ...]) -> str | None:
    """Say what is wrong with a version such as (3, 11, 2); None: it is supported."""
    numbers = version[:3]
    if OLDEST <= numbers < NEXT:
        return None
    found, oldest, after = (".".join(map(str, each)) for each in (numbers, OLDEST, NEXT))
    return f"Python {found} is not supported: at least {oldest} is needed, and less than {after}"


def require_supported() -> None:
    """End the process with exit code 2 and one line if this Python is not supported."""
    problem = problem_with(sys.version_info[:3])
    if problem:
        sys.stderr.write(f"{problem}\n")
        sys.exit(2)


if __name__ == "__main__":
    require_supported()
