"""The Lua scripts in `lua/`: each is one step in Redis that happens as a whole or not at all."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redis import Redis
    from redis.commands.core import Script

_FOLDER = Path(__file__).parent / "lua"


def script(client: "Redis", *names: str) -> "Script":
    """Make the last of `names` callable; those before it are libraries that it uses.

    Redis is not contacted until the script is called.
    """
    return client.register_script("\n".join((_FOLDER / f"{one}.lua").read_text() for one in names))
