// What only the browser can do: the theme, the look of figures in it, and where the reader is after a page has changed.
(() => {
  const NARROW = 640;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  const remembered = () => {
    try { return localStorage.getItem("theme"); } catch (error) { return null; }
  };
  const current = () => remembered() || (dark.matches ? "dark" : "light");

  // "margin.l" and "annotations[0].text" name places inside the layout, as for Plotly.relayout.
  const place = (layout, path, value) => {
    const steps = path.replace(/\[(\d+)\]/g, ".$1").split(".");
    const last = steps.pop();
    let inside = layout;
    for (const step of steps) {
      if (inside[step] === undefined) inside[step] = {};
      inside = inside[step];
    }
    inside[last] = value;
  };

  const painted = (text, theme, templates) => {
    const figure = JSON.parse(text);
    const layout = figure.layout;
    layout.template = templates[theme];
    layout.autosize = true;
    if (window.innerWidth < NARROW && layout.meta && layout.meta.narrow) {
      for (const [path, value] of Object.entries(layout.meta.narrow)) place(layout, path, value);
    }
    return figure;
  };

  // What the reader did to a figure stays when its data change: zoom, tool, hidden traces, stretches of parallel coordinates. Plotly's
  // uirevision would see to that, but Dash (4.4) writes each of these back into the figure, where Plotly no longer knows it for the reader's.
  const kept = (figure, old) => {
    if (!old || !old.layout || old.layout.uirevision !== figure.layout.uirevision) return figure;
    for (const [name, axis] of Object.entries(old.layout)) {
      if (/^[xy]axis/.test(name) && axis.autorange === false && axis.range && figure.layout[name]) {
        Object.assign(figure.layout[name], { range: axis.range, autorange: false });
      }
    }
    if (old.layout.dragmode) figure.layout.dragmode = old.layout.dragmode;
    figure.data.forEach((trace, i) => {
      const before = old.data[i];
      if (!before || before.name !== trace.name || before.type !== trace.type) return;
      if (before.visible === "legendonly") trace.visible = before.visible;
      for (const dimension of trace.dimensions || []) {
        const same = (before.dimensions || []).find((each) => each.label === dimension.label);
        if (same && same.constraintrange) dimension.constraintrange = same.constraintrange;
      }
    });
    return figure;
  };

  let first = true;
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    dashboard: {
      theme: (clicks) => {
        if (clicks) {
          const next = current() === "dark" ? "light" : "dark";
          try { localStorage.setItem("theme", next); } catch (error) { /* it then holds for this page only */ }
          document.documentElement.dataset.theme = next;
        }
        const now = document.documentElement.dataset.theme || current();
        return [now, now === "dark" ? "Light" : "Dark"];
      },
      paint: (text, theme, templates, old) => {
        const none = window.dash_clientside.no_update;
        if (!text || !theme || !templates) return [none, none];
        const figure = kept(painted(text, theme, templates), old);
        // Without a height of its own the place would lose the figure's when it is resized.
        return [figure, { height: (figure.layout.height || 450) + "px" }];
      },
      // The title of the window follows the page; after the first page, so does the focus, for those who read with a screen reader.
      arrive: () => {
        const heading = document.querySelector("main h1");
        if (heading) document.title = heading.textContent + " · sensitivity";
        if (!first && !document.querySelector("main :focus")) document.getElementById("main").focus({ preventScroll: true });
        first = !heading;
        return "-1";
      },
    },
  });

  document.addEventListener("submit", (event) => event.preventDefault());

  // Dash says "option" of a label that holds a native checkbox or radio button, which screen readers then cannot reach: a set of
  // fields with its legend says what it is by itself.
  const plainly = () => {
    for (const each of document.querySelectorAll(".options[role], .options [role]")) {
      for (const name of ["role", "aria-selected", "aria-multiselectable", "aria-label"]) each.removeAttribute(name);
    }
    for (const each of document.querySelectorAll(".options label[aria-selected]")) each.removeAttribute("aria-selected");
  };
  new MutationObserver(plainly).observe(document.documentElement, {
    childList: true, subtree: true, attributes: true, attributeFilter: ["role", "aria-selected"],
  });
  if (window.innerWidth < NARROW) {
    // On a phone the figures come first: the form is opened when it is wanted. Of the questions in one line, the one that is open is seen.
    new MutationObserver(() => {
      for (const form of document.querySelectorAll("details.controls:not([data-seen])")) {
        form.dataset.seen = "yes";
        form.open = false;
      }
      for (const tabs of document.querySelectorAll(".tabs ul:not([data-seen])")) {
        tabs.dataset.seen = "yes";
        const open = tabs.querySelector(".current");
        if (open) tabs.scrollLeft = open.offsetLeft - tabs.offsetLeft;
      }
    }).observe(document.documentElement, { childList: true, subtree: true });
  }
})();
