// A grid of readings as a strip along a road: a row per detector, a column per reading, coloured by value.

import { h } from "./dom.js";
import { t } from "./words.js";

export function strip(id, field) {
  const inner = field.item, rows = field.maxItems, columns = inner.maxItems;
  const limits = inner.items?.anyOf?.find((kind) => kind.type === "number") ?? inner.items ?? {};
  const top = Math.min(limits.maximum ?? 100, 80);
  const cells = [];
  const colour = (input) => {
    const share = Math.min(1, Math.max(0, Number(input.value) / top));
    // From red (standing) over yellow to green (flowing); the figure says the same.
    input.style.background = input.value === "" ? "#c9ced1" : `hsl(${Math.round(120 * share)} 70% 70%)`;
  };
  const body = Array.from({ length: rows }, (_, row) => h("tr", {},
    h("th", { scope: "row" }, row === 0 ? t("the detector") : t("neighbour {n}", { n: row })),
    Array.from({ length: columns }, (_, column) => {
      const input = h("input", { id: row + column ? undefined : id, inputmode: "decimal", autocomplete: "off", "aria-label": `${field.title ?? field.name} ${row + 1}, ${column + 1}`, oninput: () => colour(input) });
      cells.push(input);
      return h("td", {}, input);
    })));
  const grid = h("table", { class: "strip" }, h("thead", {}, h("tr", {}, h("td"), Array.from({ length: columns }, (_, column) =>
    h("th", { scope: "col" }, String(5 * (columns - 1 - column)))))), h("tbody", {}, body));
  grid.addEventListener("keydown", (event) => {
    const step = { ArrowUp: -columns, ArrowDown: columns }[event.key], at = cells.indexOf(event.target);
    if (!step || !cells[at + step]) return;
    cells[at + step].focus();
    event.preventDefault();
  });
  return {
    element: h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": field.name }, grid, h("p", { class: "hint" }, t("{n} min ago", { n: `${5 * (columns - 1)} … 0` }))),
    get: () => {
      if (cells.every((cell) => cell.value.trim() === "")) return undefined;
      return Array.from({ length: rows }, (_, row) => cells.slice(row * columns, (row + 1) * columns).map(reading));
    },
    set: (value) => cells.forEach((cell, index) => {
      cell.value = value?.[Math.floor(index / columns)]?.[index % columns] ?? "";
      colour(cell);
    }),
  };
}

function reading(cell) {
  const text = cell.value.trim();
  if (text === "" || text === "-" || text === "–") return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : text;  // what is no number goes to the API, which says so and where
}
