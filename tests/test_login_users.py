from __future__ import annotations

import stat
from pathlib import Path

import pytest

from rag.errors import UsageError
from ui.login.users import Users, add_user, parse_users

QUICK = 4  # rounds
KEPT = "$2y$04$S65PokO0K/BP4jNs1EkBS.vwEJgW2sgI/YQS.3oJ9Ygm63j.oxoW."  # of "open sesame"


def test_hash_is_what_htpasswd_writes_and_never_the_password(tmp_path: Path) -> None:
    path = tmp_path / "users"
    add_user(path, "ada", "open sesame")
    kept = Users(path).hashes()["ada"]
    assert kept.startswith("$2y$12$")
    assert "sesame" not in path.read_text()
    assert Users(path).check("ada", "open sesame")
    assert not Users(path).check("ada", "open sesamE")


def test_line_of_apaches_documentation_is_read(tmp_path: Path) -> None:
    path = tmp_path / "users"
    path.write_text("myName:$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC\n")
    assert Users(path).check("myName", "myPassword")
    assert not Users(path).check("myName", "mypassword")


def test_same_password_is_hashed_in_two_ways(tmp_path: Path) -> None:
    path = tmp_path / "users"
    add_user(path, "ada", "open sesame", QUICK)
    add_user(path, "bo", "open sesame", QUICK)
    hashes = Users(path).hashes()
    assert hashes["ada"] != hashes["bo"]


@pytest.mark.parametrize("prefix", ["$2y$", "$2a$", "$2b$"])
def test_every_prefix_of_bcrypt_is_read(tmp_path: Path, prefix: str) -> None:
    path = tmp_path / "users"
    path.write_text(f"ada:{prefix}{KEPT[4:]}\n")
    assert Users(path).check("ada", "open sesame")
    assert not Users(path).check("ada", "open sesamf")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ada", "line 2: this is not a bcrypt hash"),
        ("ada:plain", "line 2: this is not a bcrypt hash"),
        ("ada:$apr1$wEb.Xl2S$L7f0c0rBAvIbjqnpTR2sB1", "line 2: this is not a bcrypt hash"),
        ("ada:{SHA}NWoZK3kTsExUV00Ywo1G5jlUKKs=", "line 2: this is not a bcrypt hash"),
        (f"ada:{KEPT[:-1]}", "line 2: this is not a bcrypt hash"),
        (f"ada:$2x$05${KEPT[7:]}", "line 2: this is not a bcrypt hash"),
        (f"ada:$2y$31${KEPT[7:]}", "line 2: this is not a bcrypt hash"),
        (f"ada:$2y$03${KEPT[7:]}", "line 2: this is not a bcrypt hash"),
        (f"ada:$2y$04${'A' * 22}{KEPT[29:]}", "line 2: this is not a bcrypt hash"),  # bcrypt would raise
        (f"ada:{KEPT}:more", "line 2: this is not a bcrypt hash"),
        (f":{KEPT}", "line 2: a name has 1 to 64 characters"),
        (f"a b:{KEPT}", "line 2: a name has 1 to 64 characters, without spaces"),
        (f"{'a' * 65}:{KEPT}", "line 2: a name has 1 to 64 characters"),
    ],
)
def test_a_line_that_is_no_user_is_named(line: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_users(f"# the team\n{line}\n", "users")
    assert str(raised.value).startswith(f"users {said}")
    assert "\n" not in str(raised.value)


def test_scrypt_file_of_an_earlier_version_names_the_remedy_which_works(tmp_path: Path) -> None:
    path = tmp_path / "users"
    old = "scrypt$16384$8$5$c2FsdHNhbHQ=$a2V5a2V5a2V5a2V5a2V5a2V5"
    path.write_text(f"# the team\nada:{old}\nbo:{old}\n")
    with pytest.raises(UsageError) as raised:
        Users(path)
    assert str(raised.value) == (
        f"{path} line 2: scrypt hashes of earlier versions are no longer read. "
        f"Add the user again: citedesk ui --add-user ada --users {path}"
    )
    add_user(path, "ada", "one", QUICK)
    add_user(path, "bo", "two", QUICK)
    assert Users(path).check("ada", "one")
    assert Users(path).check("bo", "two")
    assert path.read_text().startswith("# the team\nada:$2y$")


def test_password_that_bcrypt_would_cut_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "users"
    with pytest.raises(
        UsageError, match=r"^A password has at most 72 bytes\. This one has 74: choose a shorter one\.$"
    ):
        add_user(path, "ada", "é" * 37, QUICK)
    assert not path.exists()
    add_user(path, "ada", "é" * 36, QUICK)
    assert Users(path).check("ada", "é" * 36)
    assert not Users(path).check("ada", "é" * 36 + "x")


def test_comments_and_blank_lines_stand_between_users() -> None:
    assert list(parse_users(f"# team\n\nada:{KEPT}\n  \n#bo:x\ncem:{KEPT}\r\n", "users")) == ["ada", "cem"]


def test_a_name_that_stands_twice_is_an_error() -> None:
    with pytest.raises(UsageError, match="users line 2: the name ada is listed twice"):
        parse_users(f"ada:{KEPT}\nada:{KEPT}\n", "users")


def test_a_file_without_users_would_let_nobody_in(tmp_path: Path) -> None:
    path = tmp_path / "users"
    path.write_text("# nobody yet\n")
    with pytest.raises(UsageError, match="users lists no user"):
        Users(path)


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
    assert users.hashes() == {}
    add_user(path, "ada", "three", QUICK)
    assert users.check("ada", "three")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        Users(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="is not UTF-8"):
        Users(tmp_path / "binary")
