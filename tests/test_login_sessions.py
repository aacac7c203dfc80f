from __future__ import annotations

import time

import pytest

from ui.login.sessions import Sessions

KNOWN = {"ada": "$2y$04$one", "adb": "$2y$04$one"}
_URLSAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def test_session_names_its_user_for_twelve_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions, now = Sessions(), time.time()
    value = sessions.start("ada", KNOWN["ada"])
    for hours, user in ((0, "ada"), (11.99, "ada"), (12.01, None)):
        monkeypatch.setattr("itsdangerous.timed.time.time", lambda hours=hours: now + 3600 * hours)
        assert sessions.user(value, KNOWN) == user


def test_session_ends_by_logging_out_a_new_password_or_a_restart() -> None:
    sessions = Sessions()
    value, other = sessions.start("ada", KNOWN["ada"]), sessions.start("ada", KNOWN["ada"])
    sessions.end(value)
    assert sessions.user(value, KNOWN) is None
    assert sessions.user(other, KNOWN) == "ada"
    assert sessions.user(other, {"ada": "$2y$04$two"}) is None
    assert sessions.user(other, {}) is None
    assert Sessions().user(other, KNOWN) is None


def test_cookie_that_was_logged_out_is_not_valid_in_another_spelling() -> None:
    sessions = Sessions()
    value = sessions.start("ada", KNOWN["ada"])
    # The signature's last character has two bits that base64 ignores.
    spellings = [f"{value[:-1]}{last}" for last in _URLSAFE]
    assert sum(sessions.user(each, KNOWN) == "ada" for each in spellings) > 1
    sessions.end(value)
    assert not [each for each in spellings if sessions.user(each, KNOWN)]


@pytest.mark.parametrize(
    "value", ["", "a.b", "a.b.c.d", "....", "YWRh.99999999999.x.", "é.9.x.y", "YWRh.٣.x.y", "x" * 5000]
)
def test_forged_cookie_names_nobody(value: str) -> None:
    sessions = Sessions()
    assert sessions.user(value, KNOWN) is None
    sessions.end(value)


def test_changing_any_part_of_a_cookie_voids_it() -> None:
    sessions = Sessions()
    value = sessions.start("ada", KNOWN["ada"])
    payload, issued, signature = value.split(".")
    other = sessions.start("adb", KNOWN["adb"]).split(".")[0]
    for forged in (
        ".".join([other, issued, signature]),
        ".".join([payload, issued[:-1] + "_", signature]),
        ".".join([payload + "A", issued, signature]),
        ".".join([payload, issued, signature[:-1]]),
        ".".join([payload, issued, "A" + signature[1:]]),
    ):
        assert forged == value or sessions.user(forged, KNOWN) is None
