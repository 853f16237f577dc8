"""How much is measured: as a rule, in one short run of each part, or for long."""

from dataclasses import dataclass, replace

AT_SES_LIMIT = 14
"""How many mails a second SES takes of a new account."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many runs, and how many messages in each.

    `runs` are those of the main tables; `curve_runs` of what is drawn, and of all else. `rows` are
    in each of the large tables of a full database. `flood_limits` are what SES takes in a second
    during floods; None: all that comes.
    """

    runs: int
    curve_runs: int
    messages: int
    alone: int
    predecessor: int
    idle: int
    steady: int
    long: int
    flood: int
    flood_seconds: float
    flood_limits: tuple[int | None, ...]
    rows: int


FULL = Plan(
    runs=3,
    curve_runs=1,
    messages=1500,
    alone=500,
    predecessor=30,
    idle=40,
    steady=1000,
    long=10_000,
    flood=1_000,
    flood_seconds=15,
    flood_limits=(AT_SES_LIMIT,),
    rows=200_000,
)
ROUGH = Plan(
    runs=1,
    curve_runs=1,
    messages=800,
    alone=200,
    predecessor=20,
    idle=30,
    steady=500,
    long=2_000,
    flood=500,
    flood_seconds=10,
    flood_limits=(AT_SES_LIMIT, None),
    rows=100_000,
)
LONG = replace(
    FULL,
    curve_runs=3,
    predecessor=60,
    steady=2000,
    long=60_000,
    flood=20_000,
    flood_seconds=300,
    flood_limits=(AT_SES_LIMIT, None),
    rows=1_000_000,
)
