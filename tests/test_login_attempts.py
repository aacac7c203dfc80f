from __future__ import annotations

from ui.login.attempts import Throttle


def test_failures_wait_twice_as_long_each_time_up_to_a_minute() -> None:
    now = [0.0]
    throttle = Throttle(lambda: now[0])
    for _ in range(5):
        assert throttle.wait("a") == 0
        throttle.count("a")
    waits = []
    for _ in range(8):
        waits.append(throttle.wait("a"))
        now[0] += waits[-1]
        throttle.count("a")
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert throttle.wait("b") == 0
    now[0] += 901
    assert throttle.wait("a") == 0


def test_a_right_password_is_forgiven() -> None:
    throttle = Throttle(lambda: 0.0)
    for _ in range(7):
        throttle.count("a")
    throttle.forgive("a", 3)
    assert throttle.wait("a") == 0
    throttle.forgive("a")
    assert len(throttle) == 0


def test_many_addresses_do_not_fill_the_memory() -> None:
    throttle = Throttle(lambda: 0.0, kept=10)
    for number in range(100):
        throttle.count(str(number))
    assert len(throttle) == 10
