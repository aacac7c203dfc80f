from __future__ import annotations

import stat
from pathlib import Path

import pytest

from rag.errors import UsageError
from ui.login.passwords import Cost, hash_password, read_hash
from ui.login.sessions import Sessions
from ui.login.throttle import Throttle
from ui.login.users import Users, add_user, parse_users

QUICK = Cost(n=16, r=1, p=1)
KEPT = str(hash_password("open sesame", QUICK))


def test_a_hash_holds_its_parameters_and_never_the_password() -> None:
    kept = hash_password("open sesame")
    assert str(kept).startswith("scrypt$16384$8$5$")
    assert "sesame" not in str(kept)
    assert read_hash(str(kept)) == kept
    assert kept.matches("open sesame")
    assert not kept.matches("open sesamE")


def test_the_same_password_is_kept_in_two_ways() -> None:
    assert str(hash_password("open sesame", QUICK)) != KEPT


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ada", "line 2: this is no password hash"),
        ("ada:plain", "line 2: this is no password hash"),
        (f":{KEPT}", "line 2: a name has 1 to 64 characters"),
        (f"a b:{KEPT}", "line 2: a name has no spaces"),
        (f"{'a' * 65}:{KEPT}", "line 2: a name has 1 to 64 characters"),
        ("ada:scrypt$15$8$1$c2FsdHNhbHQ=$a2V5", "line 2: the salt or the key"),
        (
            "ada:scrypt$15$8$1$c2FsdHNhbHQ=$a2V5a2V5a2V5a2V5a2V5a2V5",
            "line 2: the parameters of scrypt are out of range",
        ),
        ("ada:scrypt$-2$8$1$c2FsdHNhbHQ=$a2V5", "line 2: the parameters of scrypt are no numbers"),
        ("ada:scrypt$1048576$32$1$c2FsdHNhbHQ=$a2V5a2V5a2V5a2V5a2V5a2V5", "line 2: one check would take more than"),
        ("ada:scrypt$16$1$1$c2Fsd$a2V5", "line 2: "),
    ],
)
def test_a_line_that_is_no_user_is_named(line: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_users(f"# the team\n{line}\n", "users")
    assert str(raised.value).startswith(f"users {said}")
    assert "\n" not in str(raised.value)


def test_comments_and_blank_lines_stand_between_users() -> None:
    assert list(parse_users(f"# team\n\nada:{KEPT}\n  \n#bo:x\ncem:{KEPT}\r\n", "users")) == ["ada", "cem"]


def test_a_name_that_stands_twice_is_an_error() -> None:
    with pytest.raises(UsageError, match="users line 2: the name ada stands twice"):
        parse_users(f"ada:{KEPT}\nada:{KEPT}\n", "users")


def test_a_file_without_users_would_let_nobody_in() -> None:
    with pytest.raises(UsageError, match="users lists no user"):
        parse_users("# nobody yet\n", "users")


def test_an_added_user_can_log_in_and_only_the_owner_reads_the_file(tmp_path: Path) -> None:
    path = tmp_path / "users"
    add_user(path, "ada", "open sesame", QUICK)
    add_user(path, "bo", "ключ 🔑", QUICK)
    users = Users(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert users.check("ada", "open sesame")
    assert users.check("bo", "ключ 🔑")
    assert not users.check("ada", "ключ 🔑")
    assert not users.check("nobody", "")
    assert not users.check("ada", "x" * 2000)


def test_adding_a_user_again_changes_the_password_and_keeps_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "users"
    path.write_text(f"# the team\nada:{KEPT}\nbo:{KEPT}\n\n")
    path.chmod(0o644)
    add_user(path, "ada", "new one", QUICK)
    lines = path.read_text().split("\n")
    assert lines[:2] == ["# the team", f"bo:{KEPT}"]
    assert Users(path).check("ada", "new one")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["users"]


@pytest.mark.parametrize(("name", "password"), [("a:b", "x"), ("", "x"), ("#ada", "x"), ("ada\nbo", "x"), ("ada", "")])
def test_what_can_be_no_user_is_not_added(tmp_path: Path, name: str, password: str) -> None:
    with pytest.raises(UsageError):
        add_user(tmp_path / "users", name, password, QUICK)
    assert not (tmp_path / "users").exists()


def test_a_damaged_file_is_not_added_to(tmp_path: Path) -> None:
    path = tmp_path / "users"
    path.write_text("ada\n")
    with pytest.raises(UsageError, match="line 1"):
        add_user(path, "bo", "x", QUICK)
    assert path.read_text() == "ada\n"


def test_a_changed_file_is_read_anew_and_a_damaged_one_lets_nobody_in(tmp_path: Path) -> None:
    path = tmp_path / "users"
    add_user(path, "ada", "one", QUICK)
    users = Users(path)
    add_user(path, "ada", "two", QUICK)
    assert users.check("ada", "two")
    assert not users.check("ada", "one")
    path.write_text("ada:nonsense, and longer than before")
    assert not users.check("ada", "two")
    path.unlink()
    assert users.known() == {}
    add_user(path, "ada", "three", QUICK)
    assert users.check("ada", "three")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        Users(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="is not UTF-8"):
        Users(tmp_path / "binary")


def test_a_session_names_its_user_until_it_ends() -> None:
    now = [1000.0]
    sessions, known = Sessions(lambda: now[0], hours=1), {"ada": read_hash(KEPT)}
    value = sessions.start("ada", known["ada"])
    assert sessions.user(value, known) == "ada"
    now[0] += 3601
    assert sessions.user(value, known) is None


def test_a_session_is_over_after_logging_out_a_new_password_or_another_start() -> None:
    sessions, known = Sessions(), {"ada": read_hash(KEPT)}
    value, other = sessions.start("ada", known["ada"]), sessions.start("ada", known["ada"])
    sessions.end(value, known)
    assert sessions.user(value, known) is None
    assert sessions.user(other, known) == "ada"
    assert sessions.user(other, {"ada": hash_password("open sesame", QUICK)}) is None
    assert sessions.user(other, {}) is None
    assert Sessions().user(other, known) is None


@pytest.mark.parametrize(
    "value", ["", "a.b", "a.b.c.d", "....", "YWRh.99999999999.x.", "é.9.x.y", "YWRh.٣.x.y", "x" * 5000]
)
def test_a_forged_cookie_names_nobody(value: str) -> None:
    assert Sessions().user(value, {"ada": read_hash(KEPT)}) is None


def test_changing_any_part_of_a_cookie_voids_it() -> None:
    sessions = Sessions()
    known = {"ada": read_hash(KEPT), "adb": read_hash(KEPT)}
    value = sessions.start("ada", known["ada"])
    name, ends, nonce, signature = value.split(".")
    for forged in (
        ".".join(["YWRi", ends, nonce, signature]),
        ".".join([name, str(int(ends) + 1), nonce, signature]),
        ".".join([name, ends, nonce + "A", signature]),
        ".".join([name, ends, nonce, signature[:-1]]),
    ):
        assert sessions.user(forged, known) is None


def test_the_cookie_is_kept_from_scripts_and_other_sites() -> None:
    assert Sessions().cookie("v", secure=False) == ("citedesk_session=v; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax")
    assert Sessions().cookie("", secure=True).endswith("Max-Age=0; HttpOnly; SameSite=Lax; Secure")


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
