"""The proxies of docs/deploy before a site, on free ports of loopback, with TLS by a certificate of their own."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import PROJECT
from tests.timing import PATIENCE

_DEPLOY = PROJECT / "docs" / "deploy"
_CADDY = "{\n\tadmin off\n\tauto_https disable_redirects\n\tskip_install_trust\n}\n"


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def nginx(folder: Path, root: str, upstream: int, port: int) -> Iterator[None]:
    """Run nginx with docs/deploy/nginx.conf."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    made = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, *subject)
    subprocess.run(made, check=True, capture_output=True)
    server = (_DEPLOY / "nginx.conf").read_text()
    for written, ours in (
        ("listen 443 ", f"listen 127.0.0.1:{port} "),
        ("papers.example.org;", "localhost;"),
        ("/etc/ssl/certs/papers.pem", str(certificate)),
        ("/etc/ssl/private/papers.key", str(key)),
        ("127.0.0.1:7860", f"127.0.0.1:{upstream}"),
        ("/papers/", f"{root}/"),
    ):
        assert written in server
        server = server.replace(written, ours)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    kept = "".join(f"{kind}_temp_path {folder / kind};\n" for kind in kinds)
    whole = f"daemon off;\nworker_processes 1;\npid {folder / 'pid'};\nerror_log stderr;\nevents {{}}\n"
    config = folder / "nginx.conf"
    config.write_text(f"{whole}http {{\naccess_log off;\n{kept}{server}}}\n")
    with _running(("nginx", "-c", str(config)), folder, port):
        yield


@contextmanager
def caddy(folder: Path, root: str, upstream: int, port: int) -> Iterator[None]:
    """Run Caddy with docs/deploy/Caddyfile; for localhost it makes a certificate of its own."""
    config = folder / "Caddyfile"
    config.write_text(_CADDY + (_DEPLOY / "Caddyfile").read_text())
    told = {"SITE": f"localhost:{port}", "UPSTREAM": f"127.0.0.1:{upstream}", "ROOT": root}
    homes = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}
    with _running(("caddy", "run", "--config", str(config)), folder, port, **told, **homes):
        yield


PROXIES: dict[str, Callable[[Path, str, int, int], contextmanager[None]]] = {"nginx": nginx, "caddy": caddy}


@contextmanager
def _running(command: tuple[str, ...], folder: Path, port: int, **environ: str) -> Iterator[None]:
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=os.environ | environ, stdout=output, stderr=output)
    try:
        end = time.monotonic() + PATIENCE
        while not _speaks_tls(port):
            assert process.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _speaks_tls(port: int) -> bool:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        plain = socket.create_connection(("127.0.0.1", port), timeout=5)
        with plain, context.wrap_socket(plain, server_hostname="localhost"):
            return True
    except OSError:
        return False
