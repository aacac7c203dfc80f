from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from rag.cli.main import make_parser
from rag.settings import describe_settings
from tests.conftest import PROJECT

DEPLOY = PROJECT / "docs" / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
UNIT = (DEPLOY / "citedesk.service").read_text()


def instruction(name: str) -> list[str]:
    (value,) = re.findall(rf"^{name} (\[.*\])$", DOCKERFILE, re.MULTILINE)
    return [str(each) for each in json.loads(value)]


@pytest.mark.parametrize(
    "arguments",
    [
        instruction("CMD"),
        COMPOSE["services"]["app"]["command"],
        shlex.split(re.findall(r"^ExecStart=\S+ (.*)$", UNIT, re.MULTILINE)[0]),
        *(shlex.split(line)[1:] for line in re.findall(r"^#   sudo \S+ \S+ \S+/(citedesk .*)$", UNIT, re.MULTILINE)),
    ],
    ids=" ".join,
)
def test_commands_are_understood(arguments: list[str]) -> None:
    make_parser().parse_args(arguments)


def test_only_the_proxy_reaches_the_network_outside() -> None:
    assert COMPOSE["networks"]["inside"]["internal"] is True
    open_to_it = [name for name, each in COMPOSE["services"].items() if "outside" in each["networks"]]
    published = [name for name, each in COMPOSE["services"].items() if "ports" in each]
    assert (open_to_it, published) == (["caddy"], ["caddy"])
    subnet = COMPOSE["networks"]["inside"]["ipam"]["config"][0]["subnet"]
    assert subnet in COMPOSE["services"]["app"]["command"]


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_no_container_can_gain_privileges(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service


def test_variables_are_settings() -> None:
    named = re.findall(r"^#?(CITEDESK_\w+)=", (DEPLOY / "citedesk.env.example").read_text(), re.MULTILINE)
    named += re.findall(r"(?:ENV|Environment=).*?(CITEDESK_\w+)", DOCKERFILE + UNIT)
    assert named and set(named) <= {each.variable for each in describe_settings()}


def test_image_is_built_of_what_is_packaged() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    sent = set(re.findall(r"^!(\S+)$", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.MULTILINE))
    assert {name.partition(".")[0] for name in project["tool"]["setuptools"]["packages"]} <= sent
    assert {"pyproject.toml", "constraints.txt", project["project"]["readme"], "LICENSE", "corpus"} <= sent


def test_files_that_are_named_are_there() -> None:
    for volume in COMPOSE["services"]["caddy"]["volumes"]:
        source = volume.partition(":")[0]
        assert not source.startswith("./") or (DEPLOY / source).is_file()
    assert (Path(DEPLOY / COMPOSE["services"]["app"]["build"]["context"]).resolve()) == PROJECT
