// Bars over time, stacked; a table says the same to those who do not see them.

import "vendor/chart";
import { h } from "console/dom";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const COLOURS = ["--series-1", "--series-2", "--series-3", "--series-4", "--series-5"];

export function bars(series) {
  const canvas = h("canvas", { role: "img", "aria-label": series.title });
  const names = Object.keys(series.values);
  new globalThis.Chart(canvas, {
    type: "bar",
    data: {
      labels: series.times,
      datasets: names.map((name, place) => ({
        label: name, data: series.values[name], backgroundColor: colour(COLOURS[place % COLOURS.length]), borderRadius: 2,
      })),
    },
    options: {
      animation: false, responsive: true, maintainAspectRatio: false,
      plugins: { legend: { position: "bottom", labels: { color: colour("--text"), boxWidth: 10, boxHeight: 10 } } },
      scales: {
        x: { stacked: true, ticks: { color: colour("--muted"), maxRotation: 0, autoSkip: true }, grid: { display: false } },
        y: { stacked: true, ticks: { color: colour("--muted"), precision: 0 }, grid: { color: colour("--line") } },
      },
    },
  });
  return h("figure", { className: "chart" },
    h("figcaption", {}, series.title),
    h("div", { className: "canvas" }, canvas),
    h("details", {}, h("summary", {}, "As a table"),
      h("div", { className: "scroll", tabindex: "0", role: "region", "aria-label": series.title },
        h("table", {},
          h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Time"), names.map((name) => h("th", { scope: "col" }, name)))),
          h("tbody", {}, series.times.map((at, place) =>
            h("tr", {}, h("th", { scope: "row" }, at), names.map((name) => h("td", {}, series.values[name][place])))))))));
}
