from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import PROJECT

COPYLEFT = re.compile(
    r"\bA?GPL|\bLGPL|Affero|General Public|SSPL|Server Side Public|\bBUSL|Commons Clause", re.IGNORECASE
)


def needed() -> dict[str, Distribution]:
    """Return what `pip install citedesk` brings, by name, as far as it is installed here."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    found: dict[str, Distribution] = {}
    waiting = [Requirement(each) for each in project["dependencies"]]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue
        waiting += [each for each in map(Requirement, found[name].requires or ()) if applies(each, requirement.extras)]
    return found


def applies(requirement: Requirement, extras: set[str]) -> bool:
    environments = ({**default_environment(), "extra": extra} for extra in ("", *extras))
    return requirement.marker is None or any(requirement.marker.evaluate(each) for each in environments)


def licences(package: Distribution) -> Iterator[str]:
    """Yield what a package's metadata says of its licence, the first line of a text."""
    metadata = package.metadata
    yield from (each for each in metadata.get_all("classifier", []) if each.startswith("License ::"))
    for field in ("license-expression", "license"):
        yield from (metadata.get(field) or "").strip().splitlines()[:1]


def test_dependencies_have_licences_that_bind_no_user_of_the_program() -> None:
    packages = needed()
    assert len(packages) > 80
    assert {
        name: list(licences(each)) for name, each in packages.items() if COPYLEFT.search(str([*licences(each)]))
    } == {}


def test_dependencies_say_their_licence() -> None:
    assert {name for name, each in needed().items() if not [*licences(each)]} == set()
