// Puts the page together: what comes in, where it is shown, and what the address says is open.

import { byId, h, replace } from "console/dom";
import * as drawings from "console/drawing";
import * as live from "console/live";
import * as panels from "console/panels";

const recorded = document.getElementById("recording") !== null;
const source = recorded ? await import("console/recorded") : live;
// The token is a cookie by now, and has no place in what one copies from the address bar.
if (location.search) history.replaceState(null, "", location.pathname + location.hash);

const metrics = new Map();
const context = { ...source, graph: { nodes: [], edges: [] }, controls: {}, injected: {} };
let drawing = null;
let rates = {};
let totals = {};
let view = matchMedia("(max-width: 700px)").matches ? "list" : "flow";
let open = "";
panels.use(context);

const select = (id) => { if (id !== "clients") location.hash = `#node=${encodeURIComponent(id)}`; };

function redraw() {
  for (const name of ["flow", "all", "list"]) byId(`show-${name}`).setAttribute("aria-pressed", String(view === name));
  byId("graph").hidden = view === "list";
  byId("list").hidden = view !== "list";
  if (view === "list") {
    drawing = null;
    const focused = document.activeElement?.closest("#list") ? document.activeElement.textContent : null;
    const far = byId("list").scrollTop;
    replace(byId("list"), drawings.table(context.graph, metrics, rates, select));
    byId("list").scrollTop = far;
    if (focused) [...byId("list").querySelectorAll("button")].find((one) => one.textContent === focused)?.focus();
    return;
  }
  const focused = document.activeElement?.closest("#graph [data-id]")?.dataset.id;
  drawing = drawings.draw(context.graph, view === "all", select);
  const empty = h("p", { className: "muted empty" }, "Nothing is deployed yet.");
  replace(byId("graph"), context.graph.nodes.length ? drawing.element : empty);
  drawings.fitNames(drawing);
  for (const [id, found] of metrics) drawings.measure(drawing, id, found);
  drawings.rate(drawing, rates);
  drawings.called(drawing, totals);
  drawings.mark(drawing, open);
  if (focused) drawing.boxes.get(focused)?.main.focus({ preventScroll: true });
}

const heard = {
  graph(graph) {
    context.graph = graph;
    if (graph.title) {
      byId("title").textContent = graph.title;
      document.title = `${graph.title} · Console`;
    }
    redraw();
  },
  frame(frame) {
    rates = frame.rates;
    totals = frame.totals;
    context.injected = frame.injected;
    const injected = byId("injected");
    if (injected) panels.tellInjected(injected, frame.injected);
    for (const [id, found] of Object.entries(frame.metrics)) {
      metrics.set(id, found);
      if (drawing) drawings.measure(drawing, id, found);
      if (id.startsWith("data_set:") && !location.hash) panels.chartAgain();
    }
    if (!drawing) return redraw();
    drawings.rate(drawing, rates);
    drawings.called(drawing, totals);
    drawings.move(drawing, frame.moved);
    return undefined;
  },
  accounting(counted) {
    const strip = byId("accounting");
    strip.hidden = !counted;
    if (!counted) return;
    const verdict = counted.balanced === null ? "open" : counted.balanced ? "good" : "bad";
    replace(strip, h("dl", {}, counted.counts.map((count) => h("div", { className: count.bad && count.value ? "bad" : null, "data-count": count.name },
      h("dt", {}, count.name), h("dd", {}, count.value ?? "–")))), h("p", { className: `balance ${verdict}`, "data-balanced": String(counted.balanced) }, counted.said));
  },
  state(word) {
    byId("live").textContent = word;
    byId("live").className = `live ${word.startsWith("live") ? "good" : word.startsWith("recording") ? "open" : "bad"}`;
  },
};

function route() {
  const [what, rest = ""] = location.hash.slice(1).split("=", 2);
  const [first, second] = rest.split("|").map(decodeURIComponent);
  open = what === "node" || what === "item" ? first : "";
  if (drawing) drawings.mark(drawing, open);
  if (what === "node") panels.resource(first);
  else if (what === "item") panels.item(first, second);
  else if (what === "way") panels.way(first);
  else panels.overview();
}

for (const name of ["flow", "all", "list"]) byId(`show-${name}`).addEventListener("click", () => { view = name; redraw(); });
byId("find").addEventListener("submit", (event) => {
  event.preventDefault();
  const id = new FormData(event.target).get("id").trim();
  if (!id) return;
  const hash = `#way=${encodeURIComponent(id)}`;
  if (location.hash === hash) route();
  else location.hash = hash;
});
addEventListener("hashchange", () => {
  route();
  if (location.hash) byId("panel").focus({ preventScroll: matchMedia("(min-width: 1000px)").matches });
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => panels.chartAgain());

[context.controls, context.graph] = await Promise.all([source.read("controls"), source.read("graph")]);
byId("find").hidden = !context.controls.follows || recorded;
byId("find-id").placeholder = `Follow an ${context.controls.item} by its id or correlation id`;
heard.graph(context.graph);
route();
source.listen(heard);
document.body.dataset.ready = "true";
