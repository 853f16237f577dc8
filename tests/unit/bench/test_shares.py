"""A sample counts once, in the first row that it fits."""

from bench.shares import shares

PROFILE = [
    "run (dramatiq/worker.py:9);ConsumerThread.run (dramatiq/worker.py:1);f (redis/client.py:2) 3",
    "run (x.py:1);deliver (emails/flow/deliver.py:7);claim (emails/store/claims.py:5) 2",
    "run (x.py:1);deliver (emails/flow/deliver.py:7);run (django/db/models/query.py:5) 1",
    "run (x.py:1);deliver (emails/flow/deliver.py:7) 4",
    "main (y.py:1) 1",
]


def test_each_sample_counts_in_the_first_row_that_it_fits() -> None:
    assert shares(PROFILE) == {
        "Dramatiq's consumers: asking eight queues, decoding": 3,
        "PostgreSQL: claiming": 2,
        "PostgreSQL: the rest": 1,
        "deciding, and the way of a mail": 4,
        "the rest": 1,
    }
