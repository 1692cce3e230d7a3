// A state machine's own graph, with the way that an execution took.

import { Graph, layout } from "vendor/dagre";
import { clip, s } from "console/dom";

const HEIGHT = 30;
const LETTERS = 26;

function flat(definition, found = new Map()) {
  for (const [name, state] of Object.entries(definition.States ?? {})) {
    found.set(name, state);
    for (const branch of state.Branches ?? []) flat(branch, found);
    if (state.ItemProcessor) flat(state.ItemProcessor, found);
  }
  return found;
}

function ways(name, state, visited) {
  const found = [];
  if (state.Next) found.push([state.Next, false]);
  if (state.Default) found.push([state.Default, false]);
  for (const choice of state.Choices ?? []) found.push([choice.Next, false]);
  for (const branch of state.Branches ?? []) found.push([branch.StartAt, false]);
  if (state.ItemProcessor) found.push([state.ItemProcessor.StartAt, false]);
  // What is caught leads from almost every state to a few others: only the ways that were taken are drawn.
  for (const caught of state.Catch ?? []) if (visited[name] && visited[caught.Next]) found.push([caught.Next, true]);
  return found;
}

const SAID = { entered: "is in it", done: "went through", failed: "failed here" };

export function states(definition, visited) {
  const all = flat(definition);
  const plan = new Graph();
  plan.setGraph({ rankdir: "TB", nodesep: 14, ranksep: 22, marginx: 6, marginy: 6 });
  plan.setDefaultEdgeLabel(() => ({}));
  const seen = new Set();
  const queue = [definition.StartAt];
  while (queue.length) {
    const name = queue.shift();
    if (seen.has(name) || !all.has(name)) continue;
    seen.add(name);
    plan.setNode(name, { width: 26 + 7 * Math.min(LETTERS, name.length), height: HEIGHT });
    for (const [next, caught] of ways(name, all.get(name), visited)) {
      if (!all.has(next)) continue;
      plan.setEdge(name, next, { caught });
      queue.push(next);
    }
  }
  for (const name of Object.keys(visited)) {
    if (!seen.has(name)) plan.setNode(name, { width: 26 + 7 * Math.min(LETTERS, name.length), height: HEIGHT });
  }
  layout(plan);
  const size = plan.graph();
  const lines = plan.edges().map((edge) => {
    const found = plan.edge(edge);
    const taken = visited[edge.v] && visited[edge.w];
    const points = found.points.map((point) => `${point.x},${point.y}`).join(" ");
    return s("polyline", { points, className: `line${taken ? " taken" : ""}${found.caught ? " side" : ""}`, "marker-end": "url(#state-arrow)" });
  });
  const boxes = plan.nodes().map((name) => {
    const { x, y, width } = plan.node(name);
    const state = visited[name];
    const type = all.get(name)?.Type ?? "";
    return s("g", { className: `state ${state ?? ""}`, transform: `translate(${x - width / 2},${y - HEIGHT / 2})` },
      s("title", {}, `${name} (${type})${state ? `: ${SAID[state]}` : ""}`),
      s("rect", { width, height: HEIGHT, rx: type === "Choice" ? 15 : 6 }),
      s("text", { x: width / 2, y: 19, "text-anchor": "middle" }, clip(name, LETTERS)));
  });
  const told = Object.entries(visited).map(([name, state]) => `${name}: ${SAID[state]}`).join("; ");
  return s("svg", {
    viewBox: `0 0 ${Math.ceil(size.width)} ${Math.ceil(size.height)}`, width: Math.ceil(size.width), height: Math.ceil(size.height),
    role: "img", "aria-label": `States. ${told || "none was entered"}`, className: "states",
  },
  s("defs", {}, s("marker", { id: "state-arrow", viewBox: "0 0 8 8", refX: "7", refY: "4", markerWidth: "6", markerHeight: "6", orient: "auto" },
    s("path", { d: "M0,1 L7,4 L0,7z", className: "head" }))), lines, boxes);
}
