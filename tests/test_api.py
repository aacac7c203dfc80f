from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from rag.corpus.records import paper_to_record
from tests.fakes import PEBBLE, ScriptedEndpoint, hash_settings
from tests.serving import served, shelf_engine
from tests.timing import PATIENCE
from ui.api.app import make_api
from ui.engine_holder import EngineHolder, IndexStatus
from ui.login.access import Access
from ui.login.guard import Guard

QUESTION = "which papers cut the memory of the KV cache"


@contextmanager
def api(holder: EngineHolder, patience: float = 30.0) -> Iterator[httpx.Client]:
    with (
        served(make_api(holder, patience)) as url,
        httpx.Client(base_url=url, timeout=PATIENCE) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[httpx.Client]:
    with pytest.MonkeyPatch.context() as patched, shelf_engine(patched, home) as holder, api(holder) as opened:
        yield opened


def written(endpoint: ScriptedEndpoint) -> dict[str, Any]:
    return {"llm_base_url": endpoint.url, "llm_model": "small-model"}


@cache
def description() -> dict[str, Any]:
    return dict(make_api(EngineHolder(hash_settings(Path("nowhere")))).openapi())


def conforms(value: object, name: str) -> None:
    """Check a value against the schema, which may not lack a field of it."""
    described = description()
    jsonschema.validate(value, {"$ref": f"#/components/schemas/{name}", **described})
    assert isinstance(value, dict)
    assert set(value) <= set(described["components"]["schemas"][name]["properties"])


def test_a_search_gives_what_the_command_line_prints(client: httpx.Client) -> None:
    found = client.get("/api/search", params={"q": QUESTION, "k": 2})
    assert found.status_code == 200
    assert found.headers["content-type"] == "application/json"
    assert found.headers["cache-control"] == "no-store"
    conforms(found.json(), "SearchResponse")
    assert [hit["rank"] for hit in found.json()["hits"]] == [1, 2]
    assert found.json()["hits"][0]["paper_id"] in ("2401.00001", "2406.00004")
    assert found.json()["query"] == QUESTION


def test_what_is_set_against_a_question_holds(client: httpx.Client) -> None:
    params = {"q": "caches", "since": "2024-02", "code": "false", "kind": "list", "drop": "venue,author"}
    found = client.get("/api/search", params=params).json()
    assert [hit["paper_id"] for hit in found["hits"]] == ["2406.00004"]
    assert found["filters"] == {"since": "2024-02", "code": False}
    assert found["kind"] == "list"
    dropped = client.get("/api/search?q=caches+by+Ada+Quill+since+2023&drop=since&drop=author").json()
    assert dropped["filters"] == {}
    counted = client.get("/api/search?q=caches&least_authors=2&most_authors=2&venue=ICML").json()
    assert [hit["paper_id"] for hit in counted["hits"]] == ["2401.00001"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "q: This field is required."),
        ("q=+", "The question is empty. Ask one, as in: which papers cut KV-cache memory."),
        ("q=a&q=b", "The parameter q is given twice."),
        ("q=a&question=b", "There is no 'question' here; there are q, since, until"),
        ("q=a&k=0", "k: Input should be greater than or equal to 1."),
        ("q=a&k=101", "k: Input should be less than or equal to 100."),
        ("q=a&k=1e9", "k: Input should be a valid integer."),
        ("q=a&k=%D9%A3", "k: Input should be a valid integer."),
        ("q=a&k=" + "9" * 5000, "k: Input should be a valid integer."),
        ("q=a&code=yes", "code: Input should be a valid boolean."),
        ("q=a&year=2023", "There is no 'year' here; there are q, since, until"),
        ("q=a&since=soon", "The filters cannot be met: not a date"),
        ("q=a&since=", "The filters cannot be met: not a date"),
        ("q=a&since=2024&until=2023", "The filters cannot be met: since 2024 is after until 2023."),
        ("q=a&kind=poem", "kind: Input should be 'list', 'fact'"),
        ("q=a&drop=title", "drop.0: Input should be 'since', 'until'"),
        ("q=" + "a" * 4001, "The question has 4,001 characters, and at most 4,000 are read. Shorten it."),
        ("q=a&least_authors=0", "least_authors: Input should be greater than or equal to 1."),
    ],
)
def test_a_search_that_means_nothing_is_told_so(client: httpx.Client, query: str, said: str) -> None:
    answer = client.get(f"/api/search?{query}")
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert answer.json()["error"].startswith(said)
    assert len(answer.json()["error"]) <= 500
    assert "\n" not in answer.json()["error"]


def test_a_question_is_answered_with_citations(client: httpx.Client) -> None:
    answer = client.post("/api/ask", json={"question": QUESTION, "overrides": {"filters": {"since": "2024-02"}}})
    assert answer.status_code == 200
    conforms(answer.json(), "AnswerResponse")
    assert answer.json()["status"] == "extractive"
    assert [each["paper_id"] for each in answer.json()["citations"]] == ["2406.00004"]


def test_a_follow_up_is_read_with_the_answer_before_it(client: httpx.Client) -> None:
    first = client.post("/api/ask", json={"question": QUESTION}).json()
    follow_up = client.post("/api/ask", json={"question": "which of them has code?", "history": [first]}).json()
    assert follow_up["understood"]["standalone"] is not None
    assert [each["paper_id"] for each in follow_up["citations"]] == ["2401.00001"]


def test_filters_that_an_answer_gave_out_can_be_sent_back(client: httpx.Client) -> None:
    overrides = {"filters": {"since": "2024", "least_authors": 2, "most_authors": 2, "venue": "ICML"}}
    first = client.post("/api/ask", json={"question": QUESTION, "overrides": overrides}).json()
    assert first["filters"] == {"since": 2024, "author_count": {"least": 2, "most": 2}, "venue": "ICML"}
    again = client.post("/api/ask", json={"question": QUESTION, "overrides": {"filters": first["filters"]}}).json()
    assert again["filters"] == first["filters"]
    assert [each["paper_id"] for each in again["citations"]] == [each["paper_id"] for each in first["citations"]]


def test_a_refusal_and_what_lifting_a_constraint_would_find_are_described(client: httpx.Client) -> None:
    refused = client.post("/api/ask", json={"question": QUESTION, "overrides": {"filters": {"since": "2030"}}}).json()
    conforms(refused, "AnswerResponse")
    assert refused["status"] == "refused"
    assert refused["relaxations"]


def test_a_body_is_json_whatever_it_is_called(client: httpx.Client) -> None:
    for kind in ("application/x-www-form-urlencoded", "text/plain", "application/json; charset=utf-8"):
        answer = client.post("/api/ask", content=b'{"question": "caches"}', headers={"content-type": kind})
        assert answer.status_code == 200


def test_a_body_of_unknown_length_is_limited_too(client: httpx.Client) -> None:
    answer = client.post("/api/ask", content=iter([b" " * 100_000] * 4))
    assert (answer.status_code, answer.json()) == (413, {"error": "The body is larger than 256 KB."})


def test_head_is_answered_without_a_body(client: httpx.Client) -> None:
    for path in ("/api/status", "/api/docs", "/api/papers/2401.00001"):
        answer = client.head(path)
        assert (answer.status_code, answer.content) == (200, b"")
    assert client.head("/api/papers/none").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 400, "This field is required."),
        (b"\xff\xfe", 400, "The body is not valid JSON."),
        (b"{", 400, "The body is not valid JSON."),
        (b"[" * 100_000, 400, "The body is not valid JSON."),
        (b"[]", 400, "Input should be a JSON object."),
        (b"{}", 400, "question: This field is required."),
        (b'{"question": 7}', 400, "question: Input should be a valid string."),
        (b'{"question": "a", "api_key": "sk-secret"}', 400, "There is no 'api_key' here"),
        (b'{"question": "a", "llm": "no"}', 400, "llm: Input should be a valid boolean."),
        (b'{"question": "a", "stream": 1}', 400, "stream: Input should be a valid boolean."),
        (b'{"question": "a", "overrides": []}', 400, "overrides: Input should be a JSON object."),
        (b'{"question": "a", "overrides": {"x": 1}}', 400, "There is no 'x' here"),
        (b'{"question": "a", "history": [1]}', 400, "history.0: Input should be a JSON object."),
        (b'{"question": "a", "history": {}}', 400, "history: Input should be a valid list."),
        (
            b'{"question": "a", "history": [' + b'{"question":"b"},' * 100 + b'{"question":"b"}]}',
            400,
            "history: List should have at most 100 items",
        ),
        (b'{"question": "' + b"a" * 300_000 + b'"}', 413, "The body is larger than 256 KB."),
    ],
    ids=range(16),
)
def test_a_body_that_means_nothing_is_told_so(client: httpx.Client, body: bytes, status: int, said: str) -> None:
    answer = client.post("/api/ask", content=body)
    assert answer.status_code == status
    assert answer.json()["error"].startswith(said)
    assert "sk-secret" not in answer.text


def test_half_a_character_does_no_harm(client: httpx.Client) -> None:
    answer = client.post(
        "/api/ask", content=b'{"question": "caches \\ud800", "overrides": {"filters": {"venue": "\\udfff"}}}'
    )
    assert answer.status_code in (200, 400)
    assert client.post("/api/ask", content=b'{"question": "caches \\ud800"}').status_code == 200
    assert client.get("/api/search?q=caches%ED%A0%80%00").status_code == 200


def test_a_paper_is_given_as_it_was_indexed(client: httpx.Client) -> None:
    paper = client.get("/api/papers/2401.00001")
    assert paper.json() == {**paper_to_record(PEBBLE), "links": [], "linked_from": []}
    conforms(paper.json(), "PaperResponse")
    for name in ("2401.99999", "hep-th/9901001", "..%2f..%2fetc%2fpasswd", "%00", "x" * 5000):
        missing = client.get(f"/api/papers/{name}")
        assert missing.status_code == 404
        assert missing.json()["error"].startswith("There is no paper '")


def test_the_status_says_what_can_be_asked(client: httpx.Client) -> None:
    status = client.get("/api/status").json()
    conforms(status, "StatusResponse")
    assert {**status, "generation": "?"} == {
        "ready": True, "message": "", "papers": 4, "generation": "?", "model": None,
    }  # fmt: skip


def test_feedback_is_kept_with_who_gave_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = tmp_path / "home"
    sent = {"verdict": "up", "reason": "all there", "receipt": {"question": QUESTION, "answer": "dropped"}}
    jsonschema.validate(sent, {"$ref": "#/components/schemas/FeedbackRequest", **description()})
    with shelf_engine(monkeypatch, home) as holder:
        guarded = Guard(make_api(holder), Access(header="remote-user"))
        with served(guarded) as url:
            answer = httpx.post(f"{url}/api/feedback", json=sent, headers={"remote-user": "ada"})
        assert (answer.status_code, answer.json()) == (201, {"kept": True})
        with api(holder) as client:
            assert client.post("/api/feedback", json=sent).status_code == 201
            assert client.post("/api/feedback", json={"verdict": "up"}).status_code == 400
            assert client.post("/api/feedback", content=b" " * 70_000).status_code == 413
    kept = [json.loads(line) for line in (home / "feedback.jsonl").read_text().splitlines()]
    assert [line["user"] for line in kept] == ["ada", None]
    assert kept[0]["receipt"] == {"question": QUESTION}


def test_feedback_that_cannot_be_kept_names_no_folder(client: httpx.Client, home: Path) -> None:
    (home / "feedback.jsonl").mkdir()
    answer = client.post("/api/feedback", json={"verdict": "up", "receipt": {"question": "q"}})
    (home / "feedback.jsonl").rmdir()
    assert answer.status_code == 503
    assert str(home) not in answer.text


def test_what_is_not_there_is_said_in_json(client: httpx.Client) -> None:
    for path in ("/api/", "/api/nothing", "/api/search/more", "/api/../api//search"):
        assert client.get(path).status_code == 404
        assert client.get(path).json() == {"error": "There is nothing here. See /api/docs."}
    wrong = client.post("/api/search")
    assert (wrong.status_code, wrong.headers["allow"], wrong.json()) == (405, "GET", {"error": "Use GET here."})
    assert client.get("/api/ask").headers["allow"] == "POST"
    assert client.delete("/api/papers/2401.00001").status_code == 405


def test_every_route_is_described_and_nothing_else(client: httpx.Client) -> None:
    described = client.get("/api/openapi.json").json()
    assert {(path, method) for path, item in described["paths"].items() for method in item} == {
        ("/api/search", "get"),
        ("/api/ask", "post"),
        ("/api/papers/{paper_id}", "get"),
        ("/api/export", "get"),
        ("/api/status", "get"),
        ("/api/feedback", "post"),
        ("/api/openapi.json", "get"),
        ("/api/docs", "get"),
    }
    for path, item in described["paths"].items():
        for method in item:
            assert client.request(method, path).status_code not in (404, 405) or "{" in path


def test_the_description_is_openapi(client: httpx.Client) -> None:
    described = client.get("/api/openapi.json").json()
    assert described["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(described).validate()


def test_every_reference_of_the_description_leads_somewhere() -> None:
    described = description()
    names = set(described["components"]["schemas"])
    used = {part.split('"')[0] for part in json.dumps(described).split("#/components/schemas/")[1:]}
    assert used <= names
    for schema in described["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert all("default" not in each or each["default"] is not None for each in schema["properties"].values())


def test_the_page_of_the_description_asks_nobody_else(client: httpx.Client) -> None:
    page = client.get("/api/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "<script" not in page.text
    assert "src=" not in page.text
    for path, item in description()["paths"].items():
        assert path in page.text
        assert all(each["name"] in page.text for op in item.values() for each in op.get("parameters", ()))
    for name in description()["components"]["schemas"]:
        assert f'id="{name}"' in page.text


def test_an_unexpected_failure_shows_no_traceback(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret of the inside")

    monkeypatch.setattr("ui.api.service.search_to_json", broken)
    answer = client.get("/api/search?q=caches")
    assert answer.status_code == 500
    assert answer.json() == {"error": "Something went wrong here. The server's log says what."}


def test_while_the_models_load_a_request_waits_and_then_is_told_when_to_come_back(tmp_path: Path) -> None:
    holder = EngineHolder(hash_settings(tmp_path))
    with api(holder, patience=0.2) as client:
        for answer in (
            client.get("/api/search?q=caches"),
            client.post("/api/ask", json={"question": "caches"}),
            client.post("/api/ask", json={"question": "caches", "stream": True}),
            client.get("/api/papers/2401.00001"),
        ):
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "5"
            assert answer.json()["error"].endswith("Ask again soon.")
        assert client.get("/api/status").json()["ready"] is False


def test_without_an_index_the_remedy_is_named(tmp_path: Path) -> None:
    holder = EngineHolder(hash_settings(tmp_path))
    holder.start()
    try:
        with api(holder) as client:
            answer = client.get("/api/search?q=caches")
    finally:
        holder.close()
    assert answer.status_code == 503
    assert "Run `citedesk index` to build it." in answer.json()["error"]


def test_a_request_that_waits_is_answered_once_the_models_are_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with shelf_engine(monkeypatch, tmp_path / "home") as holder:
        later = EngineHolder(holder.settings)
        timer = threading.Timer(0.3, later.start)
        with api(later) as client:
            timer.start()
            assert client.get("/api/search?q=caches").status_code == 200
        assert later.status == holder.status == IndexStatus(True, "", holder.status.generation, 4, None)
        later.close()


def test_an_endpoint_that_fails_is_told_beside_the_extractive_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, endpoint: ScriptedEndpoint
) -> None:
    endpoint.status = 500
    with shelf_engine(monkeypatch, tmp_path / "home", **written(endpoint)) as holder, api(holder) as client:
        answer = client.post("/api/ask", json={"question": QUESTION}).json()
        assert answer["status"] == "extractive"
        assert answer["notice"] == answer["notices"][0]["text"]
        conforms(answer, "AnswerResponse")
        asked = len(endpoint.requests)
        plain = client.post("/api/ask", json={"question": QUESTION, "llm": False}).json()
        assert (plain["status"], plain["notice"]) == ("extractive", None)
        assert len(endpoint.requests) == asked


def test_export_has_the_papers_of_a_filter_or_a_selection(client: httpx.Client) -> None:
    everything = client.get("/api/export", params={"format": "bibtex"})
    assert (everything.status_code, everything.text.count("\n@") + 1) == (200, 4)
    assert everything.headers["content-type"] == "text/plain; charset=utf-8"
    filtered = client.get("/api/export", params={"format": "csl", "author": "Quill A", "until": "2020"}).json()
    assert [item["title"] for item in filtered] == ["Qubits for Everyone"]
    chosen = client.get("/api/export", params={"format": "ris", "papers": "2406.00004,2401.00001"}).text
    assert chosen.count("TY  - ") == 2


def test_export_says_what_it_cannot_write(client: httpx.Client) -> None:
    unknown = client.get("/api/export", params={"format": "bibtex", "papers": "2401.00001,nothing"})
    assert (unknown.status_code, unknown.json()) == (404, {"error": "There is no paper 'nothing' here."})
    assert client.get("/api/export", params={"format": "docx"}).status_code == 400
