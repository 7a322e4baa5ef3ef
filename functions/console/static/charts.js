// Small charts as SVG. Each has a text alternative; none needs colour alone to be read.

import { h, number, s } from "./dom.js";

const WIDTH = 560, LINE = 24, LABEL = 190, FIGURE = 74;

function chart(height, label, ...content) {
  return s("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label }, content);
}

const cut = (text, most = 28) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

// items: {label, value, figure?, note?, pale?}; values from 0 on.
export function bars(label, items) {
  const most = Math.max(...items.map((item) => Math.abs(item.value)), Number.MIN_VALUE);
  const room = WIDTH - LABEL - 2 * FIGURE;
  return chart(items.length * LINE, `${label}: ${items.map((item) => `${item.label} ${number(item.value)}`).join(", ")}`,
    items.map((item, index) => s("g", { transform: `translate(0 ${index * LINE})` },
      s("text", { x: LABEL - 8, y: 16, "text-anchor": "end" }, s("title", {}, item.label), cut(item.label)),
      s("rect", { class: `bar ${item.pale ? "pale" : ""}`, x: LABEL, y: 4, height: LINE - 9, rx: 2, width: Math.max(1, (Math.abs(item.value) / most) * room) }),
      s("text", { class: "faint", x: LABEL + (Math.abs(item.value) / most) * room + 6, y: 16 }, `${item.figure ?? number(item.value)}${item.note ? ` ${item.note}` : ""}`))));
}

// items: {label, value, error?}; values of either sign, from a line in the middle.
export function signed(label, items) {
  const most = Math.max(...items.map((item) => Math.abs(item.value) + (item.error ?? 0)), Number.MIN_VALUE);
  const half = (WIDTH - LABEL - 2 * FIGURE) / 2, middle = LABEL + FIGURE + half;
  return chart(items.length * LINE + 4, `${label}: ${items.map((item) => `${item.label} ${number(item.value)}`).join(", ")}`,
    s("line", { class: "rule", x1: middle, x2: middle, y1: 0, y2: items.length * LINE }),
    items.map((item, index) => {
      const width = Math.max(1, (Math.abs(item.value) / most) * half), up = item.value >= 0;
      const end = up ? middle + width : middle - width, whisker = ((item.error ?? 0) / most) * half;
      return s("g", { transform: `translate(0 ${index * LINE})` },
        s("text", { x: LABEL - 8, y: 16, "text-anchor": "end" }, s("title", {}, item.label), cut(item.label)),
        s("rect", { class: `bar ${up ? "plus" : "minus"}`, x: up ? middle : end, y: 4, width, height: LINE - 9, rx: 2 }),
        whisker > 0.5 && s("line", { class: "rule", x1: end - whisker, x2: end + whisker, y1: LINE / 2, y2: LINE / 2 }),
        s("text", { class: "faint", x: up ? Math.max(end, end + whisker) + 6 : end - whisker - 6, y: 16, "text-anchor": up ? "start" : "end" }, `${up ? "+" : "−"}${number(Math.abs(item.value), 3)}`));
    }));
}

// points: {label, value}; a curve with its range at the side.
export function curve(label, points, limit) {
  const known = points.map((point) => point.value).filter((value) => Number.isFinite(value));
  const low = Math.min(...known, limit ?? Infinity), high = Math.max(...known, limit ?? -Infinity), height = 130;
  const x = (index) => 50 + (index / Math.max(points.length - 1, 1)) * (WIDTH - 60);
  const y = (value) => 110 - ((value - low) / (high - low || 1)) * 95;
  let pen = "M";
  const path = points.map((point, index) => {
    if (!Number.isFinite(point.value)) { pen = "M"; return ""; }
    const step = `${pen}${x(index).toFixed(1)} ${y(point.value).toFixed(1)}`;
    pen = "L";
    return step;
  }).join(" ");
  return chart(height, `${label}: ${number(low)} – ${number(high)}`,
    s("text", { class: "faint", x: 44, y: 20, "text-anchor": "end" }, number(high, 3)),
    s("text", { class: "faint", x: 44, y: 113, "text-anchor": "end" }, number(low, 3)),
    limit !== undefined && s("line", { class: "rule", "stroke-dasharray": "4 4", x1: 50, x2: WIDTH - 10, y1: y(limit), y2: y(limit) }),
    s("path", { class: "curve", d: path }),
    points.length < 80 && points.map((point, index) => Number.isFinite(point.value) && s("circle", { class: "bar", r: 2.5, cx: x(index), cy: y(point.value) }, s("title", {}, `${point.label}: ${number(point.value)}`))));
}

// values: rows x columns of numbers of either sign, over a picture if there is one.
export function heat(label, values, picture) {
  const rows = values.length, columns = values[0].length, side = 224;
  const canvas = h("canvas", { width: side, height: side, role: "img", "aria-label": label, class: "preview" });
  const pen = canvas.getContext("2d");
  const most = Math.max(...values.flat().map(Math.abs), Number.MIN_VALUE);
  const paint = () => {
    values.forEach((line, row) => line.forEach((value, column) => {
      const share = Math.abs(value) / most;
      pen.fillStyle = value >= 0 ? `rgba(226, 88, 20, ${0.75 * share})` : `rgba(42, 99, 176, ${0.75 * share})`;
      pen.fillRect((column * side) / columns, (row * side) / rows, side / columns + 0.5, side / rows + 0.5);
    }));
  };
  if (!picture) { pen.fillStyle = "#777"; pen.fillRect(0, 0, side, side); paint(); return canvas; }
  const image = new Image();
  image.onload = () => {
    const edge = Math.min(image.width, image.height);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(image, (image.width - edge) / 2, (image.height - edge) / 2, edge, edge, 0, 0, side, side);
    paint();
  };
  image.src = picture;
  return canvas;
}
