"""Room for large mails: bounded together, one always fits, and small mails need none."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emails.edges.mail_memory import SMALL_BYTES, MailMemory, Room
from emails.values.errors import NotFinished
from emails.values.outcomes import RetryReason

BUDGET = 40 * SMALL_BYTES
LARGEST = 60 * SMALL_BYTES


def fits(room: Room, size: int) -> bool:
    try:
        room.take(size)
    except NotFinished:
        return False
    return True


def test_a_mail_without_room_is_put_back_however_often() -> None:
    memory = MailMemory(BUDGET)
    memory.room().take(LARGEST)

    with pytest.raises(NotFinished) as failure:
        memory.room().take(LARGEST)
    assert (failure.value.reason, failure.value.max_tries) == (RetryReason.MEMORY_FULL, None)


def test_one_mail_of_any_size_fits_and_a_second_waits_until_it_is_done() -> None:
    memory = MailMemory(BUDGET)
    first, second = memory.room(), memory.room()

    assert fits(first, LARGEST)
    assert not fits(second, SMALL_BYTES + 1)
    first.leave()
    assert fits(second, LARGEST)


def test_small_mails_never_wait() -> None:
    memory = MailMemory(BUDGET)
    assert fits(memory.room(), LARGEST)

    assert all(fits(memory.room(), SMALL_BYTES) for _ in range(1000))


def test_room_is_given_back_once() -> None:
    memory = MailMemory(BUDGET)
    room = memory.room()
    room.take(LARGEST)
    for _ in range(3):
        room.leave()

    assert fits(memory.room(), LARGEST)
    assert not fits(memory.room(), LARGEST)


@given(sizes=st.lists(st.integers(0, LARGEST), max_size=30), data=st.data())
def test_the_mails_that_are_worked_on_never_exceed_the_budget_but_for_one(
    sizes: list[int], data: st.DataObject
) -> None:
    memory, working = MailMemory(BUDGET), dict[Room, int]()
    for size in sizes:
        room = memory.room()
        if fits(room, size):
            working[room] = size
        large = [one for one in working.values() if one > SMALL_BYTES]
        assert sum(large) <= BUDGET or len(large) == 1
        if working and data.draw(st.sampled_from([True, False])):
            done = data.draw(st.sampled_from(list(working)))
            del working[done]
            done.leave()


def test_threads_share_it() -> None:
    memory, barrier, taken = MailMemory(BUDGET), threading.Barrier(8), list[bool]()

    def take() -> None:
        room = memory.room()
        barrier.wait(10)
        taken.append(fits(room, BUDGET // 2))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(taken) == [False] * 6 + [True] * 2


@pytest.mark.parametrize("size", [0, SMALL_BYTES])
def test_a_small_mail_takes_none_of_it(size: int) -> None:
    memory = MailMemory(BUDGET)
    for _ in range(1000):
        memory.room().take(size)

    assert fits(memory.room(), BUDGET)
