// The graph of resources: laid out once for each shape, then only told what changed.

import { Graph, layout } from "vendor/dagre";
import { h, s, seconds } from "console/dom";

const WIDTH = 186;
const HEIGHT = 48;
const MOST_DOTS = 5;
const TRAVEL_MS = 1100;
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const calm = matchMedia("(prefers-reduced-motion: reduce)");

// Each on a field of 16 by 16.
const ICONS = {
  clients: "M8 2.5a2.6 2.6 0 1 1 0 5.2a2.6 2.6 0 0 1 0-5.2M3 13.5c0-3 2.2-4.3 5-4.3s5 1.3 5 4.3",
  api: "M5.5 4.5L2 8l3.5 3.5M10.5 4.5L14 8l-3.5 3.5M9.2 3L6.8 13",
  machine: "M6 2.5h4v3.4H6zM2.5 10.2h4v3.4h-4zM9.5 10.2h4v3.4h-4zM8 5.9v2.2M4.5 10.2V8.1h7v2.1",
  function: "M4 2.8h2.3l4.6 10.4h2M7.6 6.2L4 13.2",
  table: "M2.5 3h11v10h-11zM2.5 6.4h11M2.5 9.7h11M6.6 3v10",
  stream: "M2 5c2-2 4 2 6 0s4 2 6 0M2 8.3c2-2 4 2 6 0s4 2 6 0M2 11.6c2-2 4 2 6 0s4 2 6 0",
  pipe: "M2 5.5h3v5H2zM11 5.5h3v5h-3zM5 8h6M8.6 5.8L10.8 8l-2.2 2.2",
  queue: "M2.5 4h2.2v8H2.5zM6.9 4h2.2v8H6.9zM11.3 4h2.2v8h-2.2z",
  topic: "M3 6.5v3l2 .4 6 2.6V3.5L5 6.1zM5.5 10.2l.9 3",
  bus: "M2 8h12M4.5 8V4.5M8 8V4.5M11.5 8V4.5M6 8v3.5M10 8v3.5",
  rule: "M2.5 3.5h11L9.3 8.6v4.2l-2.6-1.2V8.6z",
  delivery: "M2.5 4h11M4.2 8h7.6M6 12h4M8 12v2",
  bucket: "M3 4.2h10l-1.4 9H4.4zM3 4.2c0-2 10-2 10 0",
  workgroup: "M7 3a4 4 0 1 1 0 8a4 4 0 0 1 0-8M10 10l3.5 3.5",
  schedule: "M8 2.5a5.5 5.5 0 1 1 0 11a5.5 5.5 0 0 1 0-11M8 5v3.2l2.3 1.6",
  job: "M8 5.6a2.4 2.4 0 1 1 0 4.8a2.4 2.4 0 0 1 0-4.8M8 2v2M8 12v2M2 8h2M12 8h2M3.8 3.8l1.4 1.4M10.8 10.8l1.4 1.4M12.2 3.8l-1.4 1.4M5.2 10.8l-1.4 1.4",
  warehouse: "M3 4c0-1.6 10-1.6 10 0v8c0 1.6-10 1.6-10 0zM3 4c0 1.6 10 1.6 10 0M3 8c0 1.6 10 1.6 10 0",
  data_set: "M2.5 13h11M4 13V8.5M7 13V4M10 13V6.5M13 13V10",
};

export const icon = (kind) => s("svg", { viewBox: "0 0 16 16", className: `icon kind-${kind}`, "aria-hidden": "true" },
  s("path", { d: ICONS[kind] ?? ICONS.rule }));

function path(points) {
  const [first, ...rest] = points;
  let text = `M${first.x},${first.y}`;
  for (let place = 0; place < rest.length - 1; place += 1) {
    const middle = { x: (rest[place].x + rest[place + 1].x) / 2, y: (rest[place].y + rest[place + 1].y) / 2 };
    text += ` Q${rest[place].x},${rest[place].y} ${middle.x},${middle.y}`;
  }
  const last = rest.at(-1);
  return `${text} L${last.x},${last.y}`;
}

// Which resources and connections are drawn: those that items go along, or all.
function chosen(graph, all) {
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  if (all) return { nodes: graph.nodes, edges: graph.edges.map((edge) => ({ ...edge, ways: [key(edge)] })) };
  const main = graph.edges.filter((edge) => edge.main && !nodes.get(edge.source)?.periodic
    && !nodes.get(edge.source)?.owner && !nodes.get(edge.target)?.owner);
  const before = new Map();
  const after = new Map();
  for (const edge of main) {
    before.set(edge.target, [...(before.get(edge.target) ?? []), edge]);
    after.set(edge.source, [...(after.get(edge.source) ?? []), edge]);
  }
  // A rule between two resources is a word on the line between them.
  const joined = new Set(graph.nodes.filter((node) => node.kind === "rule"
    && before.get(node.id)?.length === 1 && (after.get(node.id)?.length ?? 0) <= 1).map((node) => node.id));
  const edges = [];
  for (const edge of main) {
    if (joined.has(edge.source)) continue;
    if (!joined.has(edge.target)) {
      edges.push({ ...edge, ways: [key(edge)] });
      continue;
    }
    for (const next of after.get(edge.target) ?? []) {
      if (nodes.get(next.target)?.periodic) continue;
      edges.push({ ...edge, target: next.target, what: ["event"], rule: edge.target, ways: [key(edge), key(next)] });
    }
  }
  const drawn = new Set(edges.flatMap((edge) => [edge.source, edge.target]));
  // What only a deployment starts is beside the flow, too.
  const entries = new Set(edges.map((edge) => edge.target));
  for (const node of graph.nodes) if (node.kind === "function" && !entries.has(node.id)) drawn.delete(node.id);
  const kept = edges.filter((edge) => drawn.has(edge.source) && drawn.has(edge.target));
  const shown = graph.nodes.filter((node) => drawn.has(node.id));
  return { nodes: shown, edges: kept, beside: graph.nodes.filter((node) => !drawn.has(node.id) && !node.owner && !joined.has(node.id)) };
}

const key = (edge) => `${edge.source}>${edge.target}`;

export function draw(graph, all, select) {
  const { nodes, edges, beside = [] } = chosen(graph, all);
  const plan = new Graph({ multigraph: false });
  plan.setGraph({ rankdir: "TB", nodesep: 16, edgesep: 10, ranksep: 30, marginx: 10, marginy: 10, ranker: "network-simplex" });
  plan.setDefaultEdgeLabel(() => ({}));
  for (const node of nodes) plan.setNode(node.id, { width: WIDTH, height: HEIGHT });
  for (const edge of edges) plan.setEdge(edge.source, edge.target, { weight: edge.main ? 2 : 1 });
  if (nodes.length) layout(plan);
  const size = nodes.length ? plan.graph() : { width: 0, height: 0 };
  const rows = Math.max(1, Math.floor(Math.max(size.width, 3 * (WIDTH + 22)) / (WIDTH + 22)));
  const width = Math.max(size.width, Math.min(beside.length, rows) * (WIDTH + 22) + 20);
  const besideTop = size.height + 44;
  const height = beside.length ? besideTop + Math.ceil(beside.length / rows) * (HEIGHT + 16) + 10 : size.height;
  const owned = new Map();
  for (const node of graph.nodes) if (node.owner) owned.set(node.owner, [...(owned.get(node.owner) ?? []), node]);

  const lines = s("g", { className: "lines" });
  const dots = s("g", { className: "dots", "aria-hidden": "true" });
  const paces = s("g", {});
  const boxes = s("g", {});
  const drawing = { lines: new Map(), boxes: new Map(), dots };
  edges.forEach((edge, number) => {
    const { points } = plan.edge(edge.source, edge.target);
    const d = path(points);
    const middle = points[Math.floor(points.length / 2)];
    const pace = s("text", { x: middle.x, y: middle.y + 4 + 11 * (number % 2), className: "pace", "text-anchor": "middle", "aria-hidden": "true" });
    const line = s("path", {
      d, className: `line${edge.main ? "" : " side"}${edge.dead_letters ? " dead" : ""}`, "marker-end": "url(#arrow)",
    }, s("title", {}, `${edge.what.join(", ") || "calls"}`));
    lines.append(line);
    paces.append(pace);
    const shown = { line, pace, d, ways: edge.ways, first: edge.ways[0] };
    for (const way of edge.ways) drawing.lines.set(way, shown);
  });
  const place = (node, x, y) => {
    const box = resource(node, owned.get(node.id) ?? [], all, select);
    box.element.setAttribute("transform", `translate(${x - WIDTH / 2},${y - HEIGHT / 2})`);
    boxes.append(box.element);
    drawing.boxes.set(node.id, box);
    for (const [id, chip] of box.chips) drawing.boxes.set(id, chip);
  };
  for (const node of nodes) place(node, plan.node(node.id).x, plan.node(node.id).y);
  beside.forEach((node, number) => place(node, 10 + WIDTH / 2 + (number % rows) * (WIDTH + 22),
    besideTop + HEIGHT / 2 + Math.floor(number / rows) * (HEIGHT + 16)));
  drawing.element = s("svg", {
    viewBox: `0 0 ${Math.ceil(width)} ${Math.ceil(height)}`, width: Math.ceil(width), height: Math.ceil(height),
    role: "group", "aria-label": "Graph of the resources", className: "drawing",
  },
  s("defs", {}, s("marker", { id: "arrow", viewBox: "0 0 8 8", refX: "7", refY: "4", markerWidth: "8", markerHeight: "8", markerUnits: "userSpaceOnUse", orient: "auto" },
    s("path", { d: "M0,0.8 L7,4 L0,7.2z", className: "head" }))),
  lines, beside.length ? s("text", { x: 12, y: besideTop - 12, className: "beside" }, "Beside the flow") : null, dots, boxes, paces);
  drawing.element.addEventListener("keydown", (event) => {
    const next = WAYS[event.key] && neighbour(drawing, event.target, WAYS[event.key]);
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
  // What does not fit is scrolled, not shrunk until nobody can read it.
  drawing.element.style.minWidth = `${Math.round(Math.min(width, all ? 0.8 * width : 640))}px`;
  return drawing;
}

const middle = (element) => {
  const box = element.getBoundingClientRect();
  return { x: box.x + box.width / 2, y: box.y + box.height / 2, height: box.height };
};

// The box that an arrow key leads to: beside in the same row, or in the nearest row above or below.
function neighbour(drawing, element, [x, y]) {
  const from = middle(element);
  let found = null;
  let least = Infinity;
  for (const { main } of drawing.boxes.values()) {
    const at = middle(main);
    const along = (at.x - from.x) * x + (at.y - from.y) * y;
    const across = Math.abs((at.x - from.x) * y) + Math.abs((at.y - from.y) * x);
    if (along <= 1 || (x !== 0 && across > from.height / 2)) continue;
    const far = 4 * along + across;
    if (far < least) [found, least] = [main, far];
  }
  return found;
}

function resource(node, owned, all, select) {
  const first = s("text", { x: 38, y: 21, className: "name" }, node.name);
  const second = s("text", { x: 38, y: 37, className: "metric" }, node.title);
  const choose = (event, id) => { event.stopPropagation(); select(id); };
  const keys = (id) => (event) => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(event, id); }
  };
  const badge = s("g", { className: "badge", transform: `translate(${WIDTH - 6},0)` },
    s("rect", { x: -15, y: -8, width: 30, height: 16, rx: 8 }), s("text", { y: 4, "text-anchor": "middle" }, ""));
  const main = s("g", {
    className: `resource${node.dead_letters ? " dead" : ""}`, tabindex: "0", role: "button", "data-id": node.id,
    "aria-label": `${node.name}, ${node.title}`, onclick: (event) => choose(event, node.id), onkeydown: keys(node.id),
  },
  s("title", {}, `${node.physical ?? node.name} (${node.title})`),
  s("rect", { className: "box", width: WIDTH, height: HEIGHT, rx: 9 }),
  s("rect", { className: `tile kind-${node.kind}`, x: 8, y: 12, width: 24, height: 24, rx: 6 }),
  s("g", { transform: "translate(12,16)", className: "glyph" }, s("path", { d: ICONS[node.kind] ?? ICONS.rule })),
  first, second, badge);
  const element = s("g", {}, main);
  const chips = new Map();
  if (!all) {
    owned.sort((one, other) => Number(other.dead_letters) - Number(one.dead_letters));
    owned.forEach((other, number) => {
      const text = s("text", { x: 9, y: 9, "text-anchor": "middle" }, "");
      const chip = s("g", {
        className: `chip kind-${other.kind}${other.dead_letters ? " dead" : ""}`, tabindex: "0", role: "button", "data-id": other.id,
        transform: `translate(${WIDTH - 24 - number * 22},${HEIGHT - 8})`, "aria-label": `${other.name}, ${other.title}`,
        onclick: (event) => choose(event, other.id), onkeydown: keys(other.id),
      },
      s("title", {}, `${other.physical} (${other.title})`), s("rect", { width: 18, height: 16, rx: 5 }),
      s("g", { transform: "translate(3.5,2.5) scale(.7)", className: "glyph" }, s("path", { d: ICONS[other.kind] ?? ICONS.rule })), text);
      element.append(chip);
      chips.set(other.id, { element: chip, main: chip, node: other, chip: true, text });
    });
  }
  return { element, main, first, second, badge, node, chips };
}

// Cuts a text that is drawn to what its box has room for.
function fit(text) {
  const room = WIDTH - 46;
  const whole = text.textContent;
  const length = text.getComputedTextLength();
  if (length > room) text.textContent = `${whole.slice(0, Math.max(1, Math.floor((whole.length * room) / length) - 1))}…`;
}

export function fitNames(drawing) {
  for (const box of drawing.boxes.values()) if (!box.chip) fit(box.first);
}

export function measure(drawing, id, metrics) {
  const box = drawing.boxes.get(id);
  if (!box) return;
  const { node, main } = box;
  const said = metrics.shown.join(", ");
  const age = metrics.age >= 1 && metrics.waiting ? `, oldest ${seconds(metrics.age)}` : "";
  main.setAttribute("aria-label", [node.name, node.title, said + age].filter(Boolean).join(", "));
  const failed = node.dead_letters ? metrics.waiting : metrics.failed;
  main.classList.toggle("failed", failed > 0);
  main.classList.toggle("busy", metrics.waiting > 0 && !node.dead_letters);
  if (box.chip) {
    const counted = node.dead_letters && metrics.waiting > 0;
    box.text.textContent = counted ? metrics.waiting : "";
    main.classList.toggle("counted", counted);
    box.text.setAttribute("y", 12);
    return;
  }
  box.measured = Boolean(said);
  if (said) {
    box.second.textContent = said + age;
    fit(box.second);
  }
  box.badge.classList.toggle("shown", failed > 0);
  box.badge.lastChild.textContent = failed > 999 ? "999+" : failed;
}

// What has no state of its own says how often it was called.
export function called(drawing, totals) {
  const calls = new Map();
  for (const [name, [count, errors]] of Object.entries(totals)) {
    const target = name.slice(name.indexOf(">") + 1);
    const before = calls.get(target) ?? [0, 0];
    calls.set(target, [before[0] + count, before[1] + errors]);
  }
  for (const [id, [count, errors]] of calls) {
    const box = drawing.boxes.get(id);
    if (!box || box.chip || box.measured) continue;
    box.second.textContent = `${count} call${count === 1 ? "" : "s"}${errors ? `, ${errors} failed` : ""}`;
    box.main.setAttribute("aria-label", `${box.node.name}, ${box.node.title}, ${box.second.textContent}`);
  }
}

export function rate(drawing, rates) {
  for (const shown of new Set(drawing.lines.values())) {
    let calls = 0;
    let errors = 0;
    for (const way of shown.ways) {
      calls = Math.max(calls, rates[way]?.[0] ?? 0);
      errors = Math.max(errors, rates[way]?.[1] ?? 0);
    }
    shown.line.classList.toggle("active", calls > 0);
    shown.line.classList.toggle("failing", errors > 0);
    const strength = calls > 0 ? Math.min(3, 1 + Math.log10(1 + calls * 4)) : 0;
    shown.pace.textContent = calls >= 0.1 ? `${calls.toFixed(calls < 10 ? 1 : 0)}/s` : "";
    shown.line.style.strokeWidth = strength ? `${strength.toFixed(2)}px` : "";
  }
}

export function move(drawing, moved) {
  if (calm.matches || document.hidden) return;
  for (const one of moved) {
    const shown = drawing.lines.get(`${one.source}>${one.target}`);
    // A line of two halves is gone along once.
    if (!shown || shown.first !== `${one.source}>${one.target}`) continue;
    const count = Math.min(MOST_DOTS, one.count);
    for (let number = 0; number < count; number += 1) {
      const dot = s("circle", { r: 4, className: number < one.errors ? "dot failed" : "dot" });
      const way = s("animateMotion", { path: shown.d, dur: `${TRAVEL_MS}ms`, begin: "indefinite", fill: "freeze" });
      dot.append(way);
      drawing.dots.append(dot);
      setTimeout(() => { dot.classList.add("moving"); way.beginElement(); }, (number * 1000) / count);
      setTimeout(() => dot.remove(), (number * 1000) / count + TRAVEL_MS);
    }
  }
}

export function mark(drawing, id) {
  for (const [other, box] of drawing.boxes) box.main.classList.toggle("chosen", other === id);
}

export function table(graph, metrics, rates, select) {
  const incoming = new Map();
  for (const [name, [calls, errors]] of Object.entries(rates)) {
    const target = name.slice(name.indexOf(">") + 1);
    const before = incoming.get(target) ?? [0, 0];
    incoming.set(target, [before[0] + calls, before[1] + errors]);
  }
  return h("table", {},
    h("thead", {}, h("tr", {}, ["Resource", "Kind", "State", "Calls/s", "Errors/s"].map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, graph.nodes.filter((node) => node.kind !== "clients").map((node) => {
      const [calls, errors] = incoming.get(node.id) ?? [0, 0];
      const found = metrics.get(node.id);
      const failed = found && (node.dead_letters ? found.waiting : found.failed);
      return h("tr", { className: failed ? "failed" : null },
        h("th", { scope: "row" }, h("button", { className: "link", type: "button", onclick: () => select(node.id) }, icon(node.kind), node.name)),
        h("td", {}, node.title), h("td", {}, found?.shown.join(", ") ?? ""),
        h("td", { className: "number" }, calls ? calls.toFixed(1) : ""), h("td", { className: "number" }, errors ? errors.toFixed(1) : ""));
    })));
}
