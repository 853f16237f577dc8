"""The Lua scripts, each a file in `lua/`: steps in Redis that happen whole or not at all."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redis import Redis
    from redis.commands.core import Script

_FOLDER = Path(__file__).parent / "lua"


def script(client: "Redis", name: str) -> "Script":
    """Make a script callable. Redis is not asked before it is called."""
    return client.register_script((_FOLDER / f"{name}.lua").read_text())
