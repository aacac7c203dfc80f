from __future__ import annotations

import threading
import time
from pathlib import Path

import anyio

from ui.login.attempts import PasswordChecker, Throttle
from ui.login.users import Users, add_user


class CountingUsers(Users):
    """Users whose checks take a while, and count how many run at a time."""

    running = most = finished = 0

    def check(self, name: str, password: str) -> bool:
        with LOCK:
            self.running += 1
            self.most = max(self.most, self.running)
        time.sleep(0.05)
        with LOCK:
            self.running -= 1
            self.finished += 1
        return True


LOCK = threading.Lock()


def test_passwords_are_checked_two_at_a_time_beside_the_event_loop(tmp_path: Path) -> None:
    add_user(tmp_path / "users", "ada", "open sesame", rounds=4)
    users = CountingUsers(tmp_path / "users")
    ticks = 0

    async def run() -> None:
        nonlocal ticks
        checker = PasswordChecker(users)
        async with anyio.create_task_group() as group:
            for number in range(6):
                group.start_soon(checker.check, "ada", "open sesame", f"192.0.2.{number}")
            while users.finished < 6:
                ticks += 1
                await anyio.sleep(0)

    anyio.run(run)
    assert users.most == 2
    assert ticks > 6  # the loop went on between the checks


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
