"""The Lua scripts, each a file in `lua/`: steps in Redis that happen whole or not at all."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redis import Redis
    from redis.commands.core import Script

_FOLDER = Path(__file__).parent / "lua"


def script(client: "Redis", *names: str) -> "Script":
    """Make a script callable, the last of `names`, with those before it for it to use.

    Redis is not asked before it is called.
    """
    return client.register_script("\n".join((_FOLDER / f"{one}.lua").read_text() for one in names))
