"""A reader who may write gives a study by form, follows it, changes it from its page, and takes notes."""

from __future__ import annotations

import pathlib
import re
from dataclasses import replace
from typing import Any

import httpx
import pytest
import yaml

from sensitivity.dashboard import words
from sensitivity.service.settings import Settings
from sensitivity.store.annotations import annotate
from sensitivity.store.store import Store
from sensitivity.study.planning import trials
from sensitivity.study.study import Study
from tests.browsing import FITS, NARROW, ServiceVisit, Visit, served, violations
from tests.sensitivity.dashboard.stored import finish, plan
from tests.sensitivity.service.guarded import READER, WRITER, token_file
from tests.sensitivity.service.served import Held
from tests.sensitivity.service.served import served as service

pytestmark = pytest.mark.slow
SPEC: dict[str, Any] = {
    "name": "first",
    "tasks": ["autoencoder/digits"],
    "variants": ["adam", "cm"],
    "design": {"kind": "grid", "points": {"lr": 3, "mu": 2}},
    "seeds": [0, 1],
    "epochs": 3,
    "default_setting": False,
}
WRONG = {**SPEC, "tasks": ["autoencoder/digit"], "variants": ["adm"]}
REFUSED = "Failed to load resource: the server responded with a status of 4"
"""Begin of the line of the browser's console for a refusal that a form shows."""


@pytest.fixture
def settings(tmp_path: pathlib.Path) -> Settings:
    """Of a service over a store without a study, with room for one that trains."""
    Store(tmp_path / "results.sqlite").close()
    return Settings(store=str(tmp_path / "results.sqlite"), data=tmp_path / "service", max_studies=1)


def visited(browser: Any, client: httpx.Client, **options: Any) -> ServiceVisit:
    return ServiceVisit(browser, str(client.base_url).rstrip("/"), **options)


def opened_action(page: Any, title: str) -> Any:
    """The form of an action, unfolded."""
    action = page.locator(".action", has=page.locator("summary", has_text=re.compile(f"^{title}$")))
    action.locator("summary").click()
    return action


def refused(visit: Visit) -> None:
    """Forget what the console says of refusals, which a form shows; nothing else went wrong."""
    assert all(error.startswith(REFUSED) for error in visit.errors), visit.errors
    visit.errors.clear()


def test_a_study_is_given_followed_extended_stopped_renamed_and_deleted(
    browser: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "sensitivity.service.views.SHARE", 1.0
    )  # nothing trains: no reader has to wait for it
    held = Held()
    with service(settings, held) as client:
        visit = visited(browser, client)
        page = visit.open("/")
        page.get_by_role("link", name="New study").click()
        page.get_by_role("heading", name="New study", level=1).wait_for()
        give(visit)
        page.get_by_role("heading", name="Studies", level=1).wait_for()
        assert held.started == ["first"]
        page.locator(".studies li", has_text="starting").get_by_role("link", name="first").click()
        page.get_by_text("It has 24 trials.").wait_for()
        follow(visit, settings)
        folder = client.app.state.context.runs.folder("first")  # type: ignore[attr-defined]
        held.end(folder, "first", 0)
        change(visit, client, held)
        refused(visit)
        visit.close()
    held.close()


def give(visit: ServiceVisit) -> None:
    """Plan a wrong study, which is refused with everything at once, then the right one, and start it."""
    page = visit.page
    start, spec = page.get_by_role("button", name="Start"), page.get_by_label("The study as YAML")
    page.get_by_label("Begin with").select_option("quickstart")
    assert "name: quickstart" in spec.input_value()
    spec.fill(yaml.safe_dump(WRONG))
    page.get_by_role("button", name="Plan").click()
    said = page.locator(".said.error")
    said.wait_for()
    assert "did you mean 'autoencoder/digits'?" in said.inner_text()
    assert "did you mean 'adam'?" in said.inner_text()
    assert start.is_disabled()
    refused(visit)
    spec.fill(yaml.safe_dump(SPEC))
    page.get_by_role("button", name="Plan").click()
    page.get_by_text(re.compile("24 trials: about .* on the")).wait_for()
    assert said.count() == 0
    assert start.is_enabled()
    spec.press("End")
    spec.press("Space")
    assert start.is_disabled()
    page.get_by_role("button", name="Plan").click()
    page.locator(".planned table").wait_for()
    start.click()


def follow(visit: ServiceVisit, settings: Settings) -> None:
    """Watch the Summary tab while the study trains: it answers without another visit."""
    page, study = visit.page, Study(**SPEC)
    store, planned = Store(settings.store), trials(study)
    store.add_study("first", study.to_stored(), planned)
    page.get_by_text("No trial has ended yet").wait_for()  # the page of a study that waited is loaded again
    visit.settled()
    page.evaluate("window.reloaded = false")
    finish(store, planned[:12])
    page.locator(".answer li").first.wait_for()
    visit.settled()
    before = page.locator(".answer").inner_text()
    assert page.locator("[data-state=running]").count() == 1
    finish(store, planned)
    page.get_by_text(words.counts(store.studies()[0]), exact=True).wait_for()
    page.wait_for_timeout(100)
    for _ in range(600):
        visit.settled()
        if page.locator(".answer").inner_text() != before:
            break
        page.wait_for_timeout(100)
    assert page.locator(".answer").inner_text() != before
    assert page.evaluate("window.reloaded") is False
    store.close()


def change(visit: ServiceVisit, client: httpx.Client, held: Held) -> None:
    """Extend, stop, rename and delete the study from its page."""
    page = visit.page
    page.locator("[data-state=completed]").wait_for()
    assert not page.locator("summary", has_text="Stop").is_visible()
    extend = opened_action(page, "Extend")
    extend.get_by_label("More seeds").select_option("2")
    extend.get_by_role("button", name="Extend").click()
    page.locator("[data-state=running]").wait_for()
    assert client.get("/api/v1/studies/first").json()["spec"]["seeds"] == [0, 1, 2, 3]
    assert held.started == ["first", "first"]

    stop = opened_action(page, "Stop")
    stop.get_by_role("button", name="Stop the study").click()
    stop.get_by_text("Done.").wait_for()
    held.end(client.app.state.context.runs.folder("first"), "first", 130)  # type: ignore[attr-defined]
    page.locator(".standing", has_text="stopped").wait_for()
    assert page.locator("summary", has_text="Go on").is_visible()

    rename = opened_action(page, "Rename")
    rename.get_by_label("New name").fill("a/b")
    rename.get_by_role("button", name="Rename").click()
    rename.get_by_text("name of a study must have").wait_for()
    rename.get_by_label("New name").fill("second try")
    rename.get_by_label("New name").press("Enter")
    page.get_by_role("heading", name="second try", level=1).wait_for()
    assert page.url.endswith("/study/second%20try")
    visit.settled()

    delete = opened_action(page, "Delete")
    delete.get_by_label("To confirm").fill("second")
    delete.get_by_role("button", name="Delete for ever").click()
    delete.get_by_text("confirm must be the name of the study, 'second try'").wait_for()
    delete.get_by_label("To confirm").fill("second try")
    delete.get_by_role("button", name="Delete for ever").click()
    page.get_by_text("No study yet").wait_for()


def test_notes_survive_a_restart_of_the_service(browser: Any, settings: Settings) -> None:
    store, planned = plan(pathlib.Path(settings.store))
    finish(store, planned)
    store.close()
    key = planned[0].key
    with service(settings, Held()) as client:
        visit = visited(browser, client)
        page = visit.open("/study/watched")
        editor = opened_action(page, "Note and tags")
        editor.get_by_label("Note", exact=True).fill("<b>bold</b> words\nof two lines")
        editor.get_by_label("Tags").fill("paper, second try")
        editor.get_by_role("button", name="Save").click()
        page.locator(".note", has_text="<b>bold</b> words").wait_for()
        page.get_by_role("button", name="Give a star to watched").click()
        page.get_by_role("button", name="Take the star from watched").wait_for()
        visit.follow(f"/study/watched/trial/{key}")
        editor = opened_action(page, "Note and tags")
        editor.get_by_label("Note", exact=True).fill("an odd curve")
        editor.get_by_role("button", name="Save").click()
        page.locator(".note", has_text="an odd curve").wait_for()
        visit.close()
    with service(settings, Held()) as client:
        visit = visited(browser, client, width=NARROW)
        page = visit.open("/")
        assert page.locator(".studies .note").inner_text() == "<b>bold</b> words"
        page.locator(".keep").get_by_role("link", name="paper").click()
        page.wait_for_url("**/?tag=paper")
        page.locator(".keep .on").wait_for()
        page.get_by_role("link", name="watched").click()
        page.get_by_role("heading", name="watched", level=1).wait_for()
        visit.settled()
        assert page.locator(".note").inner_text() == "<b>bold</b> words\nof two lines"
        page.get_by_text("1 trial with notes or a star").click()
        page.get_by_text("an odd curve").wait_for()
        editor = opened_action(page, "Note and tags")
        page.locator("[data-filled]").wait_for(state="attached")
        assert editor.get_by_label("Tags").input_value() == "paper, second try"
        assert page.evaluate(FITS)
        visit.follow("/new")
        assert page.evaluate(FITS)
        visit.close()


def test_what_is_typed_before_the_stored_note_comes_stays(browser: Any, settings: Settings) -> None:
    store, planned = plan(pathlib.Path(settings.store))
    finish(store, planned)
    annotate(store, "watched", note="stored before", tags=["paper"])
    store.close()
    with service(settings, Held()) as client:
        visit = visited(browser, client)
        page = visit.open("/study/watched")
        waiting: list[Any] = []
        page.route("**/annotation", lambda route: waiting.append(route))
        editor = opened_action(page, "Note and tags")
        editor.get_by_label("Note", exact=True).fill("typed at once")
        while not waiting:
            page.wait_for_timeout(10)
        waiting[0].continue_()
        page.locator("[data-filled]").wait_for(state="attached")
        assert editor.get_by_label("Note", exact=True).input_value() == "typed at once"
        assert editor.get_by_label("Tags").input_value() == "paper"
        visit.close()


def test_everyone_can_read_the_forms(browser: Any, settings: Settings, axe: str) -> None:
    store, planned = plan(pathlib.Path(settings.store))
    finish(store, planned)
    store.close()
    with service(settings, Held()) as client:
        visit = visited(browser, client)
        page = visit.open("/new")
        page.get_by_label("The study as YAML").fill(yaml.safe_dump(WRONG))
        page.get_by_role("button", name="Plan").click()
        page.locator(".said.error").wait_for()
        assert not violations(page, axe, "#toggle")
        refused(visit)
        page.get_by_label("The study as YAML").fill(yaml.safe_dump(SPEC))
        page.get_by_role("button", name="Plan").click()
        page.locator(".planned table").wait_for()
        assert not violations(page, axe, "#toggle")
        visit.follow("/study/watched")
        for action in page.locator(".action summary:visible").all():
            action.click()
        assert not violations(page, axe, "#toggle")
        visit.close()


def test_who_may_only_read_is_offered_no_change(
    browser: Any, settings: Settings, tmp_path: pathlib.Path
) -> None:
    store, _ = plan(pathlib.Path(settings.store))
    store.close()
    with service(replace(settings, token_file=token_file(tmp_path)), Held()) as client:
        client.patch(
            "/api/v1/studies/watched/annotation",
            json={"star": True},
            headers={"Authorization": f"Bearer {WRITER}"},
        )
        for token, forms in ((READER, False), (WRITER, True)):
            visit = visited(browser, client)
            page = visit.page
            page.goto(f"{visit.address}/login")
            page.locator("input[name=token]").fill(token)
            page.locator("input[name=token]").press("Enter")
            page.get_by_role("heading", name="Studies", level=1).wait_for()
            visit.settled()
            assert (page.get_by_role("link", name="New study").count() > 0) is forms
            assert page.locator(".star").count() == 1
            assert (page.locator("button.star").count() > 0) is forms
            visit.follow("/study/watched")
            assert (page.locator(".actions").count() > 0) is forms
            visit.follow("/new")
            assert (page.get_by_role("button", name="Plan").count() > 0) is forms
            visit.close()


def test_the_dashboard_alone_shows_notes_and_changes_nothing(browser: Any, tmp_path: pathlib.Path) -> None:
    store, _ = plan(tmp_path / "results.sqlite")
    annotate(store, "watched", note="from the service", tags=["paper"], star=True)
    store.close()
    with served(tmp_path / "results.sqlite") as address:
        visit = Visit(browser, address)
        page = visit.open("/study/watched")
        assert page.locator(".note").inner_text() == "from the service"
        assert page.locator(".actions, form.change, button.star").count() == 0
        visit.follow("/new")
        page.get_by_text("Studies cannot be given here").wait_for()
        visit.close()
