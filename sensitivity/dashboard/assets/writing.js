// Forms that change something are sent to the API of the service, as JSON or YAML, with the session of the reader; what it
// refuses is said in the form. The attributes are set by writing.py and new_page.py.
(() => {
  const BUSY = "working …";

  const ask = async (method, path, body, type) => {
    const options = { method, headers: {} };
    if (body !== undefined) Object.assign(options, { body, headers: { "Content-Type": type } });
    let answer;
    try { answer = await fetch(path, options); } catch (error) { throw new Error("The service does not answer. Is it running?"); }
    const text = await answer.text();
    let content = null;
    try { content = text ? JSON.parse(text) : null; } catch (error) { /* no JSON: the status says enough */ }
    if (!answer.ok) throw new Error((content && content.detail) || "The service answers " + answer.status + ".");
    return content;
  };

  const say = (form, words, kind) => {
    const said = form.querySelector(".said");
    if (!said) return;
    said.textContent = words;
    said.className = "said " + (kind || "");
    said.setAttribute("role", kind === "error" ? "alert" : "status");
  };

  const value = (field) => {
    if (field.dataset.kind === "list") return field.value.split(",").map((part) => part.trim()).filter(Boolean);
    return field.dataset.kind === "number" ? Number(field.value) : field.value;
  };
  const values = (form) => {
    const found = form.dataset.body ? JSON.parse(form.dataset.body) : {};
    for (const field of form.elements) if (field.name) found[field.name] = value(field);
    return found;
  };

  // The same page shows what has changed at once, without waiting for its next look at the store.
  const refresh = () => window.dash_clientside.set_props("revision", { data: "changed " + Date.now() });
  const leave = (form, sent) => {
    const name = encodeURIComponent(sent.name || "");
    if (form.dataset.after) window.location.assign(form.dataset.after.replace("{name}", name));
    else refresh();
  };

  const send = async (form) => {
    const buttons = [...form.querySelectorAll("button")].filter((button) => !button.disabled);
    for (const button of buttons) button.disabled = true;
    say(form, BUSY);
    try {
      const { method, path } = form.dataset;
      const sent = form.elements.spec ? {} : values(form);
      if (form.elements.spec) await ask(method, path, form.elements.spec.value, "application/yaml");
      else if (method === "DELETE") await ask(method, path + "?" + new URLSearchParams(sent));
      else await ask(method, path, JSON.stringify(sent), "application/json");
      say(form, "Done.", "done");
      leave(form, sent);
    } catch (error) {
      say(form, error.message, "error");
    } finally {
      for (const button of buttons) button.disabled = false;
    }
  };

  const element = (tag, text, className) => Object.assign(document.createElement(tag), { textContent: text, className: className || "" });
  const hours = (number) => {
    if (number === null) return "unknown";
    return number < 1 ? Math.max(1, Math.ceil(60 * number)) + " min" : number.toFixed(1) + " h";
  };
  const HEADS = ["task", "variant", "configurations", "seeds", "trials", "in the store", "one worker"];
  const table = (rows) => {
    const made = document.createElement("table");
    const head = made.createTHead().insertRow();
    for (const name of HEADS) head.append(Object.assign(element("th", name), { scope: "col" }));
    const body = made.createTBody();
    for (const row of rows) {
      const line = body.insertRow();
      for (const text of [row.task, row.variant, row.configurations, row.seeds, row.trials, row.stored, hours(row.hours)]) {
        line.append(element("td", String(text)));
      }
    }
    const scroll = element("div", "", "scroll");
    Object.assign(scroll, { tabIndex: 0 }).setAttribute("aria-label", "plan");
    scroll.setAttribute("role", "region");
    scroll.append(made);
    return scroll;
  };

  const start = (form) => form.querySelector("button[type=submit]");
  const unplanned = (form) => {
    start(form).disabled = true;
    form.querySelector(".planned").replaceChildren();
    say(form, "");
  };
  const plan = async (form, button) => {
    unplanned(form);
    const text = form.elements.spec.value;
    button.disabled = true;
    say(form, "planning …");
    try {
      const planned = await ask("POST", button.dataset.plan, text, "application/yaml");
      if (form.elements.spec.value !== text) return unplanned(form);
      say(form, "");
      form.querySelector(".planned").replaceChildren(element("h2", planned.name), element("p", planned.summary, "summary"), table(planned.rows));
      start(form).disabled = false;
    } catch (error) {
      say(form, error.message, "error");
    } finally {
      button.disabled = false;
    }
  };

  // What the reader has typed before the answer comes stays.
  const fill = async (details) => {
    const form = details.querySelector("form");
    const before = new Map([...form.elements].map((field) => [field, field.value]));
    try {
      const content = await ask("GET", details.dataset.fill);
      for (const [field, value] of before) {
        if (field.name in content && field.value === value) field.value = [].concat(content[field.name]).join(", ");
      }
      details.dataset.filled = "yes";
    } catch (error) {
      say(form, error.message, "error");
    }
  };

  document.addEventListener("submit", (event) => {
    if (event.target.matches("form.change")) send(event.target);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-plan]");
    if (button) plan(button.form, button);
  });
  document.addEventListener("input", (event) => {
    if (event.target.matches("form.new [name=spec]")) unplanned(event.target.form);
  });
  document.addEventListener("change", (event) => {
    if (!event.target.matches("form.new [name=preset]")) return;
    event.target.form.elements.spec.value = event.target.selectedOptions[0].dataset.yaml;
    unplanned(event.target.form);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("form.change textarea[rows='1']")) return;
    event.preventDefault();
    event.target.form.requestSubmit();
  });
  document.addEventListener("toggle", (event) => {
    if (event.target.open && event.target.dataset.fill) fill(event.target);
  }, true);

  // The page of a study that waited becomes that of its results.
  new MutationObserver(() => {
    if (document.querySelector("[data-reload]:not([data-seen])")) {
      document.querySelector("[data-reload]").dataset.seen = "yes";
      window.location.reload();
    }
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
