"""The API: what it answers, and what it refuses."""

from __future__ import annotations

import io
import json
import os
import pathlib
import signal
from typing import Any
from urllib.parse import quote

import httpx
import pandas as pd
import plotly.io
import pytest
from prometheus_client.parser import text_string_to_metric_families

from search_spaces.defaults import default_space
from sensitivity.figures import lr_curves
from sensitivity.measures import Measured, excess_loss
from sensitivity.questions.card import card
from sensitivity.questions.summary import summary
from sensitivity.service.settings import Settings
from sensitivity.store.store import Store
from sensitivity.text.json_text import to_json
from tests.sensitivity.dashboard.stored import plan
from tests.sensitivity.processes import command_of, descendants
from tests.sensitivity.service.served import LONGEST, SPEC, Held, answered, read, until
from trainables.named_variants import VARIANTS

WATCHED = "/api/v1/studies/watched"


def test_what_there_is(reader: httpx.Client) -> None:
    """Every address of the OpenAPI document that is read answers with what the document says."""
    document = reader.get("/openapi.json").json()
    values = {"name": "watched", "measure": "excess_loss", "figure": "lr_curves", "table": "trials"}
    values["key"] = reader.get(f"{WATCHED}/trials", params={"limit": 1}).json()["trials"][0]["key"]
    for path, methods in document["paths"].items():
        if "get" in methods and not path.endswith("/log"):
            answer = answered(reader, path.format(**values))
            assert answer.status_code == 200, path
            described = methods["get"]["responses"]["200"]["content"]
            assert answer.headers["content-type"].partition(";")[0] in described, path


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("GET", "/api/v1/studies/wached", 404, "unknown study 'wached'; did you mean 'watched'?"),
        ("GET", "/api/v1/studies/a%2Fb%2525", 404, "unknown study 'a/b%25'"),
        ("GET", f"{WATCHED}/measures/exces_loss", 404, "did you mean 'excess_loss'?"),
        (
            "GET",
            f"{WATCHED}/measures/excess_loss?with=ovr=lr",
            422,
            "unknown argument of excess_loss 'ovr'; did you mean 'over'?",
        ),
        ("GET", f"{WATCHED}/measures/top_importance?with=share=x", 422, "top_importance"),
        ("GET", f"{WATCHED}/measures/overview?with=over=lr", 422, "overview takes no arguments"),
        ("GET", f"{WATCHED}/measures/excess_loss?metric=los", 422, "unknown metric 'los'"),
        ("GET", f"{WATCHED}/figures/lr_curve", 404, "did you mean 'lr_curves'?"),
        ("GET", f"{WATCHED}/figures/lr_curves?task=x", 404, "unknown task of this study 'x'"),
        ("GET", f"{WATCHED}/figures/transfer_matrix", 404, "no figure 'transfer_matrix'"),
        ("GET", f"{WATCHED}/trials?sort=los", 422, "unknown column 'los'; did you mean 'loss'?"),
        (
            "GET",
            f"{WATCHED}/trials?limit=0",
            422,
            'limit: input should be greater than or equal to 1, got "0"',
        ),
        ("GET", f"{WATCHED}/trials?status=done", 422, "status.0: input should be 'pending'"),
        ("GET", f"{WATCHED}/trials/none/epochs", 404, "has no trial 'none'"),
        ("GET", f"{WATCHED}/log", 404, "has no log here"),
        ("GET", "/api/v1/spaces?variant=adm", 404, "did you mean 'adam'?"),
        ("GET", "/api/v1/nothing", 404, "there is no '/api/v1/nothing' here"),
        ("PUT", "/api/v1/studies", 405, "Method Not Allowed"),
        ("POST", f"{WATCHED}/cancel", 409, "study 'watched' is not running here"),
        ("DELETE", WATCHED, 422, "confirm: field required"),
        (
            "DELETE",
            f"{WATCHED}?confirm=wached",
            422,
            "confirm must be the name of the study, 'watched'; got 'wached'",
        ),
        ("POST", "/api/v1/studies", 422, "a study is a mapping of fields"),
    ],
)
def test_refusals_are_of_one_shape(
    reader: httpx.Client, method: str, path: str, status: int, detail: str
) -> None:
    answer = reader.request(method, path)
    while answer.status_code == 202 and method == "GET":
        answer = reader.request(method, path)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json().keys() == {"title", "status", "detail"}
    assert answer.status_code == answer.json()["status"] == status
    assert detail in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "kept", "order"),
    [
        ({}, "index >= 0", None),
        ({"variant": "adam"}, "variant == 'adam'", None),
        ({"variant": ["adam", "cm"], "seed": 1}, "seed == 1", None),
        ({"status": "diverged"}, "status == 'diverged'", None),
        ({"sort": "loss"}, "index >= 0", ("loss", True)),
        ({"sort": "-lr", "variant": "cm"}, "variant == 'cm'", ("config/lr", False)),
    ],
)
def test_trials_are_those_of_the_store(
    reader: httpx.Client, read_settings: Settings, query: dict[str, Any], kept: str, order: Any
) -> None:
    """Whatever the size of the pages, each trial is on one of them."""
    expected = read(read_settings).trials.query(kept)
    if order is not None:
        expected = expected.sort_values(order[0], ascending=order[1], kind="stable")
    found: list[dict[str, Any]] = []
    while True:
        page = reader.get(f"{WATCHED}/trials", params={**query, "offset": len(found), "limit": 7}).json()
        assert page["total"] == len(expected)
        if not page["trials"]:
            break
        found += page["trials"]
    assert [each["key"] for each in found] == expected["key"].tolist()
    assert [each["loss"] for each in found] == expected["loss"].tolist()
    assert [each["configuration"]["lr"] for each in found] == expected["config/lr"].tolist()


def test_epochs_and_tables_hold_what_the_store_does(reader: httpx.Client, read_settings: Settings) -> None:
    store = Store(read_settings.store)
    trials, epochs = store.trials("watched"), store.epochs("watched")
    store.close()
    key = trials["key"][5]
    found = reader.get(f"{WATCHED}/trials/{key}/epochs").json()["epochs"]
    assert [each["train_loss"] for each in found] == epochs[epochs["key"] == key]["train_loss"].replace(
        float("nan"), None
    ).tolist()
    alone = next(key[:size] for size in range(1, 20) if sum(trials["key"].str.startswith(key[:size])) == 1)
    assert reader.get(f"{WATCHED}/trials/{alone}/epochs").json() == {"key": key, "epochs": found}
    shared = next(each for each in "0123456789abcdef" if sum(trials["key"].str.startswith(each)) > 1)
    refused = reader.get(f"{WATCHED}/trials/{shared}/epochs")
    assert refused.status_code == 422
    assert f"trials begin with '{shared}'" in refused.text
    assert reader.get(f"{WATCHED}/trials/x/epochs").status_code == 404
    table = pd.read_parquet(io.BytesIO(reader.get(f"{WATCHED}/tables/epochs").content))
    pd.testing.assert_frame_equal(table, epochs, check_dtype=False)
    as_csv = pd.read_csv(io.StringIO(reader.get(f"{WATCHED}/tables/trials", params={"format": "csv"}).text))
    assert [json.loads(each) for each in as_csv["configuration"]] == trials["configuration"].tolist()


@pytest.mark.parametrize("having", [{}, {"over": "lr"}])
def test_a_measure_is_what_it_is_here(
    reader: httpx.Client, read_settings: Settings, having: dict[str, str]
) -> None:
    expected = excess_loss(read(read_settings), **having)
    query = {"with": [f"{name}={value}" for name, value in having.items()]}
    answer = answered(reader, f"{WATCHED}/measures/excess_loss", params=query).json()
    assert answer == {
        "name": "excess_loss",
        "refused": None,
        "rows": json.loads(to_json(expected.to_dict("records"))),
    }
    as_csv = answered(reader, f"{WATCHED}/measures/excess_loss", params={**query, "format": "csv"}).text
    assert as_csv == expected.to_csv(index=False)


def test_every_measure_that_is_listed_answers(reader: httpx.Client) -> None:
    for each in reader.get(f"{WATCHED}/measures").json():
        if any(argument["required"] for argument in each["arguments"]):
            continue
        answer = answered(reader, f"{WATCHED}/measures/{each['name']}")
        assert answer.status_code in (200, 422), (each, answer.text)  # 422 where a measure refuses the design


def test_a_figure_and_a_report_are_what_they_are_here(reader: httpx.Client, read_settings: Settings) -> None:
    figure = answered(reader, f"{WATCHED}/figures/lr_curves")
    assert plotly.io.from_json(figure.text) == lr_curves(Measured(read(read_settings)), "autoencoder/digits")
    assert "watched" in answered(reader, f"{WATCHED}/report").text
    assert answered(reader, f"{WATCHED}/report", params={"format": "md"}).text.startswith("# watched")


def test_the_verdict_is_what_the_report_says_first(reader: httpx.Client, read_settings: Settings) -> None:
    measured = Measured(read(read_settings))
    tasks = list(dict.fromkeys(task for task, _ in measured.results.groups))
    answer = answered(reader, f"{WATCHED}/verdict").json()
    assert answer["study"] == "watched"
    assert [row["task"] for row in answer["tasks"]] == tasks
    (row, *_) = answer["tasks"]
    assert row["sentences"] == summary(measured, tasks[0])
    assert row == json.loads(to_json(card(measured, tasks[0])))
    if row["variant"] is not None:
        assert any(sentence.startswith(f"Use {row['variant']} at ") for sentence in row["sentences"])
    assert answered(reader, f"{WATCHED}/figures/differences").json()["data"]
    assert answered(reader, f"{WATCHED}/figures/performance_sensitivity").json()["data"]


def test_what_the_reader_has_is_not_sent_again(reader: httpx.Client, read_settings: Settings) -> None:
    first = answered(reader, f"{WATCHED}/measures/excess_loss")
    again = reader.get(f"{WATCHED}/measures/excess_loss", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = answered(reader, f"{WATCHED}/measures/excess_loss", params={"metric": "test_loss"})
    assert other.headers["etag"] != first.headers["etag"]
    pages = [reader.get(f"{WATCHED}/trials", params={"limit": 5, "offset": offset}) for offset in (0, 5)]
    assert pages[0].headers["etag"] != pages[1].headers["etag"]
    again = reader.get(
        f"{WATCHED}/trials?limit=5&offset=0", headers={"If-None-Match": pages[0].headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.slow
def test_what_takes_long_is_asked_for_again(client: httpx.Client) -> None:
    client.app.state.context.source.patience = 0.0  # type: ignore[attr-defined]
    answer = client.get(f"{WATCHED}/measures/tunability")
    assert (answer.status_code, answer.headers["retry-after"], answer.json()) == (202, "1", {"pending": True})
    assert answered(client, f"{WATCHED}/measures/tunability").status_code == 200


def test_what_comes_along_is_listed(reader: httpx.Client) -> None:
    assert [each["variant"] for each in reader.get("/api/v1/variants").json()] == list(VARIANTS)
    space = reader.get("/api/v1/spaces", params={"variant": "adam"}).json()[0]["hyperparameters"]
    assert space == json.loads(json.dumps(default_space("adam").to_dict()))
    assert "autoencoder/digits" in [each["name"] for each in reader.get("/api/v1/tasks").json()]
    assert reader.get("/api/v1/presets").json()[0]["spec"]["name"] == "quickstart"


def test_a_study_is_given_watched_stopped_and_deleted(client: httpx.Client, held: Held) -> None:
    first = client.post("/api/v1/studies", json=SPEC)
    assert (first.status_code, first.json()["state"], first.json()["trials"]) == (201, "running", 2)
    assert client.post("/api/v1/studies", json=SPEC).status_code == 200
    other = client.post("/api/v1/studies", json={**SPEC, "epochs": 2})
    assert (other.status_code, other.json()["detail"]) == (
        409,
        "study 'small' is there already and differs: epochs is 1, got 2",
    )
    assert (
        client.post("/api/v1/studies", json={**SPEC, "seeds": 51})
        .json()["detail"]
        .endswith("102 trials, at most 100 are allowed")
    )
    assert client.post("/api/v1/studies", content="name: waits\n" + yaml_of(SPEC)).json()["state"] == "queued"
    assert [each["name"] for each in client.get("/api/v1/studies").json()] == ["small", "waits", "watched"]
    assert client.delete("/api/v1/studies/small", params={"confirm": "small"}).status_code == 409
    assert client.post("/api/v1/studies/waits/cancel").json()["state"] == "cancelled"
    assert client.delete("/api/v1/studies/waits", params={"confirm": "waits"}).status_code == 204
    assert client.delete(WATCHED, params={"confirm": "watched"}).status_code == 204
    assert [each["name"] for each in client.get("/api/v1/studies").json()] == ["small"]
    assert held.started == ["small"]


def yaml_of(spec: dict[str, Any]) -> str:
    return "\n".join(f"{name}: {json.dumps(each)}" for name, each in spec.items() if name != "name")


@pytest.mark.parametrize("name", ["a/b", "a%2Fb", "%", "ünïcode ✓", "a?b#c", ".."])
def test_any_name_has_an_address(client: httpx.Client, settings: Settings, name: str) -> None:
    plan_store, _ = plan(pathlib.Path(settings.store), name=name, variants=["adam"])
    plan_store.close()
    client.app.state.context.source.invalidate()  # type: ignore[attr-defined]
    address = f"/api/v1/studies/{quote(name, safe='').replace('.', '%2E')}"
    assert client.get(address).json()["name"] == name
    assert client.get(f"{address}/trials").json()["total"] == 24


def test_what_operators_ask(client: httpx.Client, settings: Settings) -> None:
    client.post("/api/v1/studies", json=SPEC)
    assert client.get("/healthz").json() == client.get("/readyz").json() == {"status": "ok"}
    families = {each.name: each for each in text_string_to_metric_families(client.get("/metrics").text)}
    counted = {
        name: {tuple(s.labels.values()): s.value for s in families[f"sensitivity_{name}"].samples}
        for name in ("studies", "trials")
    }
    assert counted["studies"] == {("elsewhere",): 1, ("running",): 1}
    assert counted["trials"][("completed",)] + counted["trials"][("diverged",)] == 48
    assert counted["trials"][("pending",)] == 2
    requests = {
        tuple(s.labels.values()): s.value
        for s in families["sensitivity_requests"].samples
        if s.name.endswith("_total")
    }
    assert requests[("POST", "/api/v1/studies", "201")] == 1
    assert "process_cpu_seconds" in families
    pathlib.Path(settings.store).unlink()
    assert client.get("/readyz").status_code == 503
    assert client.get("/metrics").status_code == client.get("/healthz").status_code == 200


def test_the_dashboard_is_everything_else(reader: httpx.Client) -> None:
    for path in ("/", "/study/watched", "/study/a%2Fb/trials"):
        assert '<html lang="en">' in reader.get(path).text
    assert reader.get("/download/trials.csv", params={"of": "watched"}).text.startswith("key,task,variant")
    assert reader.get("/_dash-dependencies").json()


@pytest.mark.slow
def test_the_process_that_computes_may_be_killed(client: httpx.Client) -> None:
    """As for want of memory: a reader asks again, and another process answers."""
    before = set(descendants(os.getpid()))
    assert answered(client, f"{WATCHED}/measures/excess_loss").status_code == 200
    for pid in set(descendants(os.getpid())) - before:
        if b"spawn_main" in command_of(pid):
            os.kill(pid, signal.SIGKILL)
    statuses = {200, 202, 503}
    until(
        lambda: (
            (status := client.get(f"{WATCHED}/measures/overview").status_code) == 200
            or status not in statuses
        ),
        LONGEST,
    )
    assert client.get(f"{WATCHED}/measures/overview").status_code == 200
