"""Tables as files: what the store has, known by an ETag, and an answer of the usual shape where they cannot
be written."""

from __future__ import annotations

import errno
import io
import os
import pathlib
from typing import Any

import httpx
import pandas as pd
import pytest

from sensitivity.service import study_table, table_files, table_response
from sensitivity.service.settings import Settings
from sensitivity.store.store import Store
from sensitivity.text.csv_text import csv_text
from tests.sensitivity.service.served import until

WATCHED = "/api/v1/studies/watched"
EPOCHS = f"{WATCHED}/tables/epochs"


@pytest.mark.parametrize("table", ["trials", "epochs"])
def test_the_files_have_what_the_store_has(
    reader: httpx.Client, read_settings: Settings, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_response, "CHUNK", 1000)
    store = Store(read_settings.store)
    expected = (
        store.epochs("watched")
        if table == "epochs"
        else next(study_table.BATCHES["trials"](store, "watched", rows=1000))
    )
    store.close()
    as_csv = reader.get(f"{WATCHED}/tables/{table}", params={"format": "csv"})
    assert as_csv.text == csv_text(expected)
    assert as_csv.headers["content-type"] == "text/csv; charset=utf-8"
    as_parquet = reader.get(f"{WATCHED}/tables/{table}")
    assert as_parquet.headers["content-type"] == "application/vnd.apache.parquet"
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(as_parquet.content)), expected)


def test_a_table_is_known_by_its_tag(client: httpx.Client, settings: Settings) -> None:
    first = client.get(EPOCHS)
    again = client.get(EPOCHS, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert client.get(EPOCHS, params={"format": "csv"}).headers["etag"] != first.headers["etag"]
    head = client.head(EPOCHS)
    assert (head.status_code, head.content, head.headers["content-length"]) == (
        200,
        b"",
        str(len(first.content)),
    )
    store = Store(settings.store)
    key = store.trials("watched")["key"][0]
    store.keep([{"key": key, "epoch": 99, "initial_loss": 1.0, "status": "completed", "train_loss": 0.5}])
    store.add_study("watched", store.study("watched").replace("{", "{ ", 1), [])
    store.close()
    changed = until(
        lambda: answer if (answer := client.get(EPOCHS)).headers["etag"] != first.headers["etag"] else None
    )
    assert 99 in pd.read_parquet(io.BytesIO(changed.content))["epoch"].tolist()
    folder = settings.data / table_files.FOLDER
    assert len(list(folder.glob("*.parquet"))) == 1
    assert client.delete(WATCHED, params={"confirm": "watched"}).status_code == 204
    assert list(folder.iterdir()) == []


def test_a_file_that_takes_long_is_asked_for_again(client: httpx.Client) -> None:
    answer = client.get(EPOCHS, params={"wait": 0})
    assert (answer.status_code, answer.headers["retry-after"], answer.json()) == (202, "1", {"pending": True})
    assert client.get(EPOCHS).status_code == 200


def test_a_full_disk_is_a_refusal_and_leaves_no_half_file(
    client: httpx.Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(batches: Any, file: Any) -> None:
        file.write(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setitem(study_table.WRITERS, "csv", full)  # type: ignore[misc]
    answer = client.get(EPOCHS, params={"format": "csv"})
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["detail"]) == (
        503,
        "the service cannot do this just now: No space left on device",
    )
    assert list((settings.data / table_files.FOLDER).iterdir()) == []
    assert client.get(EPOCHS).status_code == 200


def test_a_store_that_goes_away_is_a_refusal(
    client: httpx.Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(study_table.BATCHES, "epochs", _without_file(pathlib.Path(settings.store)))
    answer = client.get(EPOCHS)
    assert answer.status_code == 503
    assert "results.sqlite" in answer.json()["detail"]
    assert list((settings.data / table_files.FOLDER).iterdir()) == []


def _without_file(file: pathlib.Path) -> Any:
    before = study_table.BATCHES["epochs"]

    def batches(*arguments: Any, **options: Any) -> Any:
        file.rename(file.with_suffix(".away"))
        try:
            yield from before(*arguments, **options)
        finally:
            file.with_suffix(".away").rename(file)

    return batches


def test_the_dashboard_has_the_same_file_of_every_epoch(reader: httpx.Client) -> None:
    found = reader.get("/download/epochs.csv", params={"of": "watched"}, follow_redirects=True)
    assert found.headers["content-disposition"] == "attachment; filename=epochs.csv"
    assert found.content == reader.get(EPOCHS, params={"format": "csv"}).content
    assert reader.get("/download/epochs.csv", params={"of": "a/b"}, follow_redirects=True).status_code == 404
    assert reader.get("/download/epochs.csv", params={"of": "watched", "variant": "adam"}).status_code == 422
    assert reader.get("/download/trials.csv", params={"of": "watched", "variant": "adam"}).status_code == 200


def test_every_epoch_of_a_trial_is_read_in_parts(
    reader: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sensitivity.store import batches

    key = reader.get(f"{WATCHED}/trials", params={"limit": 1}).json()["trials"][0]["key"]
    whole = reader.get(f"{WATCHED}/trials/{key}/epochs").json()
    monkeypatch.setattr(batches.curve_batches, "__kwdefaults__", {"rows": 2})
    assert reader.get(f"{WATCHED}/trials/{key}/epochs").json() == whole
    assert [row["epoch"] for row in whole["epochs"]] == list(range(1, len(whole["epochs"]) + 1))
