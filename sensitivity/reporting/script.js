"use strict";
(() => {
  const look = JSON.parse(document.getElementById("look").textContent);
  const root = document.documentElement;
  const button = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const plots = [...document.querySelectorAll(".plot")];
  const drawn = new Set();
  const PAPER = 680; // CSS pixels between the margins of A4 and of letter paper
  let chosen = null; // what the reader chose; the system's way until then
  let printing = false;

  const dark = () => !printing && (chosen ?? system.matches);

  function set(target, path, value) {
    const steps = path.replace(/\[(\d+)\]/g, ".$1").split(".");
    const last = steps.pop();
    for (const step of steps) target = target[step] ??= {};
    target[last] = value;
  }

  function draw(plot) {
    const { data, layout, narrow } = JSON.parse(plot.parentElement.nextElementSibling.textContent);
    const slim = !printing && plot.parentElement.clientWidth < look.narrow;
    layout.template = look.templates[dark() ? "dark" : "light"];
    layout.modebar = { bgcolor: "rgba(0,0,0,0)", color: "#8a8a8a", activecolor: "#0072B2" };
    layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
    if (printing) layout.width = PAPER;
    if (slim) Object.entries(narrow).forEach(([path, value]) => set(layout, path, value)); // before it is drawn: wide panels do not fit
    plot.style.height = `${layout.height}px`;
    Plotly.react(plot, data, layout, { displaylogo: false, showSendToCloud: false, responsive: true, displayModeBar: slim ? false : "hover" });
    drawn.add(plot);
  }

  function paint() {
    root.dataset.theme = dark() ? "dark" : "light";
    button.textContent = dark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `${button.textContent} theme`);
    button.setAttribute("aria-pressed", String(chosen !== null));
    drawn.forEach(plot => shown(plot) ? draw(plot) : drawn.delete(plot));
  }

  const shown = plot => !plot.closest("details:not([open])"); // in no folded part of the page
  const waiting = []; // one at a time, so that the page can be read and scrolled meanwhile
  function next() {
    if (!waiting.length) return;
    setTimeout(next);
    draw(waiting.shift());
  }
  function drawShown() {
    const idle = !waiting.length;
    waiting.push(...plots.filter(plot => shown(plot) && !drawn.has(plot) && !waiting.includes(plot)));
    if (idle) next();
  }

  function unfold(element) {
    for (let part = element?.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
  }
  function unfoldTarget() {
    const target = document.getElementById(location.hash.slice(1));
    unfold(target);
    target?.scrollIntoView();
  }
  let folded = []; // what is opened for printing only

  button.hidden = false;
  button.addEventListener("click", () => { chosen = !dark(); paint(); });
  system.addEventListener("change", paint);
  matchMedia(`(max-width: ${look.narrow}px)`).addEventListener("change", paint);
  document.addEventListener("toggle", drawShown, true);
  addEventListener("hashchange", unfoldTarget);
  document.addEventListener("click", ({ target }) => { // of the same address again, too
    if (target.matches("nav a")) unfold(document.getElementById(target.hash.slice(1)));
  });
  addEventListener("beforeprint", () => {
    printing = true;
    folded = [...document.querySelectorAll("details.question:not([open])")];
    folded.forEach(part => { part.open = true; });
    plots.forEach(draw);
    paint();
  });
  addEventListener("afterprint", () => {
    printing = false;
    folded.forEach(part => { part.open = false; });
    paint();
  });

  document.addEventListener("click", ({ target }) => {
    if (!target.matches("button.csv")) return;
    const text = JSON.parse(target.closest("details").querySelector("script").textContent);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
    link.download = `${target.dataset.csv}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  });

  if (matchMedia("(max-width: 1399px)").matches) document.querySelector("nav details").open = false;
  paint();
  drawShown();
  unfoldTarget();
})();
