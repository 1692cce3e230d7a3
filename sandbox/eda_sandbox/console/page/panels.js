// What stands beside the graph: what can be done, a resource, one of its items, an item's way.

import { byId, clip, h, isId, isTime, replace, seconds, time, toast } from "console/dom";
import { icon } from "console/drawing";
import { states } from "console/states";

const FAULTS = {
  "lose-answer": "Lose the answer", throttle: "Throttle", "send-twice": "Send twice", kill: "Kill its process",
};
const GOOD = ["SUCCEEDED", "COMPLETED", "FINISHED", "delivered"];
const BAD = ["FAILED", "TIMED_OUT", "ABORTED", "CANCELLED", "failed", "stopped"];
const OPEN = ["RUNNING", "PENDING", "AWAITING_DETAILS", "QUEUED", "STARTED", "waiting", "SUBMITTED"];

let console_;
let leave = () => {};

export function use(context) { console_ = context; }

export function show(...children) {
  leave();
  leave = () => {};
  replace(byId("panel"), ...children);
}

function state(value) {
  const kind = GOOD.includes(value) ? "good" : BAD.includes(value) ? "bad" : OPEN.includes(value) ? "open" : null;
  return kind ? h("span", { className: `state-word ${kind}` }, value.toLowerCase().replaceAll("_", " ")) : null;
}

function cell(value, column) {
  if (value === null || value === undefined) return "";
  if (isTime(value)) return h("time", { datetime: value, title: value }, time(value));
  if (/^(status|state)$/i.test(column)) return state(String(value)) ?? String(value);
  return clip(String(value), 60);
}

function value(found) {
  if (found === null || found === undefined || found === "") return h("span", { className: "muted" }, "none");
  if (isTime(found)) return h("time", { datetime: found }, new Date(found).toLocaleString());
  if (typeof found === "object") return h("pre", { tabindex: "0", role: "region", "aria-label": "JSON" }, JSON.stringify(found, null, 2));
  if (isId(found, console_.controls.item_pattern) && console_.controls.follows) return h("a", { href: `#way=${encodeURIComponent(found)}` }, String(found));
  const text = String(found);
  return text.includes("\n") || text.length > 200 ? h("pre", { tabindex: "0", role: "region", "aria-label": "Text" }, text) : state(text) ?? text;
}

function facts(found) {
  return h("dl", { className: "facts" }, Object.entries(found).filter(([, one]) => one !== null && one !== undefined && one !== "")
    .map(([name, one]) => h("div", { className: typeof one === "object" ? "wide" : null }, h("dt", {}, name), h("dd", {}, value(one)))));
}

function rows(found, label) {
  if (!found.length) return null;
  const [head, ...rest] = found;
  return h("div", { className: "scroll", tabindex: "0", role: "region", "aria-label": label }, h("table", {},
    h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, rest.map((row) => h("tr", {}, row.map((one) => h("td", {}, clip(String(one), 60))))))));
}

const heading = (kind, name, under, back) => h("div", { className: "heading" },
  h("a", { className: "back", href: back ?? "#" }, back ? "Back" : "Overview"),
  h("h2", {}, kind ? icon(kind) : null, h("span", {}, name)), under ? h("p", { className: "muted" }, under) : null);

async function acted(what, values) {
  try {
    const done = await console_.act(what, values);
    toast(done.said);
    return done;
  } catch (error) {
    toast(error.message, true);
    return null;
  }
}

const waiting = () => show(h("p", { className: "muted" }, "Reading…"));

async function reading(what, values, then) {
  const now = location.hash;
  try {
    const found = await console_.read(what, values);
    if (location.hash === now) then(found);
  } catch (error) {
    if (location.hash === now) show(heading(null, "Nothing to show"), h("p", { role: "alert" }, error.message));
  }
}

// What can be done, and the data behind the last hop.
export function overview() {
  const { controls, graph } = console_;
  const parts = [];
  if (console_.acts) {
    if (controls.buttons.length) {
      parts.push(h("section", { className: "card" }, h("h2", {}, "Try it"), controls.buttons.map((button) => h("div", { className: "try" },
        h("button", { type: "button", className: "action", "data-press": button.name, onclick: async () => {
          const done = await acted("press", { name: button.name });
          if (done?.id && controls.follows) location.hash = `#way=${encodeURIComponent(done.id)}`;
        } }, button.label), h("p", { className: "muted" }, button.hint)))));
    }
    parts.push(faultCard(graph));
    if (controls.schedules.length) parts.push(timeCard(controls));
  }
  const chart = h("section", { className: "card", id: "chart" });
  if (controls.charts) parts.push(chart);
  if (!parts.length) parts.push(h("section", { className: "card" }, h("p", { className: "muted" }, "Choose a resource to see what it holds.")));
  show(parts);
  if (controls.charts) drawChart(chart);
}

async function drawChart(card) {
  try {
    const series = await console_.read("chart");
    if (!card.isConnected) return;
    if (!series) {
      replace(card, h("h2", {}, "Behind the last hop"), h("p", { className: "muted" }, "Nothing has arrived yet."));
      return;
    }
    const { bars } = await import("console/charts");
    replace(card, h("h2", {}, "Behind the last hop"), bars(series));
  } catch (error) {
    replace(card, h("p", { role: "alert" }, error.message));
  }
}

export function chartAgain() {
  const card = byId("chart");
  if (card) drawChart(card);
}

const hit = (node) => !["clients", "pipe", "rule", "schedule", "bus"].includes(node.kind) && !node.dead_letters;

function faultCard(graph) {
  const where = h("select", { id: "fault-where" }, graph.nodes.filter(hit).map((node) => h("option", { value: node.id }, `${node.name} (${node.title})`)));
  const kind = h("select", { id: "fault-kind" });
  const offered = () => replace(kind, Object.entries(FAULTS)
    .filter(([name]) => name !== "kill" || /^(function|job):/.test(where.value)).map(([name, label]) => h("option", { value: name }, label)));
  where.addEventListener("change", offered);
  offered();
  const times = h("input", { id: "fault-times", type: "number", min: "1", max: "1000", value: "3" });
  const injected = h("p", { className: "muted", id: "injected" });
  const card = h("section", { className: "card" }, h("h2", {}, "Break it"),
    h("form", { className: "fields", onsubmit: (event) => {
      event.preventDefault();
      acted("inject", { kind: kind.value, id: where.value, times: Number(times.value) });
    } },
    h("label", { for: "fault-where" }, "Calls of"), where, h("label", { for: "fault-kind" }, "Fault"), kind,
    h("label", { for: "fault-times" }, "Times"), times,
    h("div", { className: "buttons" }, h("button", { type: "submit", className: "action danger" }, "Inject"),
      h("button", { type: "button", onclick: () => acted("stop-faults") }, "Stop all"))), injected);
  tellInjected(injected, console_.injected);
  return card;
}

export function tellInjected(element, injected) {
  const told = Object.entries(injected ?? {}).flatMap(([edge, kinds]) => Object.entries(kinds).map(([kind, count]) => `${count} x ${kind} at ${edge}`));
  element.textContent = told.length ? `Injected so far: ${told.join("; ")}` : "Nothing was injected yet.";
}

function timeCard(controls) {
  const schedule = h("select", { id: "schedule" }, controls.schedules.map((one) => h("option", { value: one.id }, one.name)));
  return h("section", { className: "card" }, h("h2", {}, "Move the time on"),
    h("form", { className: "fields", onsubmit: (event) => { event.preventDefault(); acted("advance", { id: schedule.value }); } },
      h("label", { for: "schedule" }, "To the next"), schedule,
      h("div", { className: "buttons" }, h("button", { type: "submit", className: "action" }, "Move on"))));
}

// A resource.
export function resource(id) {
  waiting();
  reading("node", { id }, (found) => {
    const connections = console_.graph.edges.filter((edge) => edge.source === id || edge.target === id);
    const list = h("section", { className: "card", id: "items" });
    const parts = [heading(found.kind, found.name, `${found.title} · ${found.physical}`)];
    if (found.metrics.shown.length) parts.push(h("p", { className: "now" }, found.metrics.shown.join(", "),
      found.metrics.age >= 1 && found.metrics.waiting ? `, the oldest for ${seconds(found.metrics.age)}` : ""));
    if (console_.acts) parts.push(h("div", { className: "buttons" },
      found.dead_letters ? h("button", { type: "button", className: "action", "data-act": "redrive", onclick: async () => {
        if (await acted("redrive", { id })) reading("node", { id }, (again) => replace(list, listing(again)));
      } }, "Redrive") : null,
      found.dead_letters ? null : found.faults.map((name) => h("button", { type: "button", "data-fault": name, onclick: () => acted("inject", { kind: name, id, times: 3 }) }, `${FAULTS[name]} x 3`))));
    parts.push(found.items ? list : null, logs(found),
      h("details", { className: "card", open: !found.items && !found.logs }, h("summary", {}, "Configuration"), facts(found.facts)),
      connections.length ? h("details", { className: "card" }, h("summary", {}, `Connections (${connections.length})`), h("ul", { className: "connections" }, connections.map((edge) => {
        const other = edge.source === id ? edge.target : edge.source;
        const name = console_.graph.nodes.find((node) => node.id === other)?.name ?? other;
        return h("li", {}, edge.source === id ? "to " : "from ", h("a", { href: `#node=${encodeURIComponent(other)}` }, name),
          edge.what.length ? h("span", { className: "muted" }, ` ${edge.what.join(", ")}`) : null, edge.dead_letters ? h("span", { className: "muted" }, " (dead letters)") : null);
      }))) : null);
    show(parts);
    if (found.items) replace(list, listing(found));
    if (found.logs) openLogs(id);
  });
}

function listing(found) {
  const { columns, rows: items, total, noun } = found.items;
  const again = h("button", { type: "button", className: "small", onclick: () => reading("node", { id: found.id }, (read) => {
    const list = byId("items");
    if (list) replace(list, listing(read));
  }) }, "Read again");
  return [h("div", { className: "bar" }, h("h3", {}, `${total ?? items.length} ${noun}`), console_.acts ? again : null),
    items.length ? h("div", { className: "scroll", tabindex: "0", role: "region", "aria-label": noun }, h("table", {},
      h("thead", {}, h("tr", {}, columns.map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, items.map((row) => h("tr", {}, row.map((one, number) => number === 0
        ? h("th", { scope: "row" }, h("a", { href: `#item=${encodeURIComponent(found.id)}|${encodeURIComponent(one)}`, title: String(one) }, clip(String(one), 22)))
        : h("td", { className: typeof one === "number" ? "number" : null }, cell(one, columns[number])))))))) : h("p", { className: "muted" }, `No ${noun}.`),
    total !== null && total > items.length ? h("p", { className: "muted" }, `The first ${items.length} are shown.`) : null];
}

function logs(found) {
  if (!found.logs) return null;
  return h("details", { className: "card", open: !found.items }, h("summary", {}, "Log"),
    h("div", { id: "log", className: "log", tabindex: "0", role: "log", "aria-label": `Log of ${found.name}` }));
}

function openLogs(id) {
  const log = byId("log");
  leave = console_.follow(id, (lines) => {
    const low = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    log.append(...lines.map((line) => h("p", { className: `line-${line.level.toLowerCase() || "plain"}`, title: line.text },
      h("time", { datetime: line.at }, time(line.at)), line.level ? h("span", { className: "level" }, line.level) : null, h("span", {}, clip(line.said, 400)))));
    while (log.childElementCount > 500) log.firstElementChild.remove();
    if (low) log.scrollTop = log.scrollHeight;
  });
}

// One item of a resource.
export function item(node, id) {
  waiting();
  reading("item", { node, id }, (found) => {
    const pattern = console_.controls.item_pattern;
    const followed = console_.controls.follows && pattern ? (String(id).match(new RegExp(pattern)) ?? JSON.stringify(found.facts).match(new RegExp(pattern)))?.[0] : null;
    show(heading(found.node.kind, clip(String(id), 40), `${found.node.title} · ${found.node.name}`, `#node=${encodeURIComponent(node)}`),
      followed ? h("div", { className: "buttons" }, h("a", { className: "action", href: `#way=${encodeURIComponent(followed)}` }, `Follow this ${console_.controls.item}`)) : null,
      found.definition ? h("section", { className: "card" }, h("h3", {}, "States"), h("div", { className: "scroll", tabindex: "0", role: "region", "aria-label": "States" }, states(found.definition, found.states))) : null,
      found.sql ? h("section", { className: "card" }, h("h3", {}, "SQL"), h("pre", { tabindex: "0", role: "region", "aria-label": "SQL" }, found.sql)) : null,
      found.rows?.length ? h("section", { className: "card" }, h("h3", {}, "Rows"), rows(found.rows, "Rows")) : null,
      h("section", { className: "card" }, facts(found.facts)),
      found.history ? h("details", { className: "card" }, h("summary", {}, `History (${found.history.length} events)`), h("ol", { className: "history" },
        found.history.map((event) => h("li", {}, h("time", { datetime: event.at }, time(event.at)), " ", h("strong", {}, event.type),
          Object.keys(event.detail).length ? h("details", {}, h("summary", {}, clip(event.detail.name ?? event.detail.resource ?? "detail", 40)), h("pre", { tabindex: "0", role: "region", "aria-label": "Event" }, JSON.stringify(event.detail, null, 2))) : null)))) : null);
  });
}

// An item's way through all hops.
export function way(id) {
  show(heading(null, `Following ${clip(id, 16)}`), h("p", { className: "muted" }, "Asking all logs and the data…"));
  reading("way", { id }, (found) => {
    if (!found) {
      show(heading(null, "Nothing to follow"), h("p", { role: "alert" }, "This program does not say how its items are followed."));
      return;
    }
    const starts = found.hops.map((hop) => Date.parse(hop.begin));
    const ends = found.hops.map((hop, number) => starts[number] + 1000 * (hop.seconds ?? 0));
    const first = Math.min(...starts);
    const span = Math.max(1, Math.max(...ends) - first);
    const end = found.end.charAt(0).toUpperCase() + found.end.slice(1);
    show(heading(null, `The way of ${clip(id, 16)}`, id),
      h("p", { className: "verdict", id: "way-end" }, state(found.end) ?? h("span", { className: "state-word" }, end), ` ${found.said}`),
      h("ol", { className: "way" }, found.hops.map((hop, number) => {
        const bar = h("span", { className: hop.failures.length ? "span failed" : "span" });
        bar.style.marginLeft = `${(100 * (starts[number] - first)) / span}%`;
        bar.style.width = `${Math.max(1, (100 * (ends[number] - starts[number])) / span)}%`;
        return h("li", {}, h("div", { className: "hop" }, h("strong", {}, hop.name),
          h("span", { className: "muted" }, `+${seconds((starts[number] - first) / 1000)}${hop.seconds === null ? "" : `, took ${seconds(hop.seconds)}`}`)),
        h("div", { className: "track", "aria-hidden": "true" }, bar),
        hop.detail || hop.failures.length ? h("p", {}, hop.detail, hop.failures.map((failure) => h("span", { className: "failure" }, failure))) : null);
      })),
      console_.acts ? h("div", { className: "buttons" }, h("button", { type: "button", id: "follow-again", onclick: () => way(id) }, "Look again")) : null);
  });
}
