"""Totals that several threads raise at once."""

import threading

from bridge.totals import Totals


class Slow(int):
    """A number during whose addition another thread raises the same total."""

    def __new__(cls, value: int, totals: Totals) -> "Slow":
        made = super().__new__(cls, value)
        made.other = threading.Thread(target=totals.increase, kwargs={"deleted": 1})
        return made

    other: threading.Thread

    def __radd__(self, number: int) -> int:
        self.other.start()
        # Not a wait for the other thread's end, which comes after this one's.
        self.other.join(0.2)
        return number + int(self)


def test_what_two_threads_add_at_once_is_counted_twice() -> None:
    totals = Totals()
    slow = Slow(1, totals)

    totals.increase(deleted=slow)
    slow.other.join(10)

    assert totals.deleted == 2


def test_sums_are_of_each_number_on_its_own() -> None:
    one, two = Totals(received=1, failed=2), Totals(received=3, rejected=4)

    fields = one.add(two).as_fields()

    assert (fields["total_messages"], fields["failed_messages"], fields["failed"]) == (4, 6, 2)
