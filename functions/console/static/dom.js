// Elements without a framework: h("a", {href: "#/"}, "text") and its SVG sibling. Text is always text, never markup.

export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function s(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(element.style, value);  // through the object model: the policy forbids the attribute
    else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return element;
}

export function table(caption, columns, rows) {
  const numeric = columns.map((_, index) => rows.length > 0 && rows.every((row) => typeof row[index] === "number" || row[index] === "–"));
  const kind = (index) => (numeric[index] ? { class: "number" } : {});
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption }, h("table", {},
    h("caption", {}, caption),
    columns.some(Boolean) && h("thead", {}, h("tr", {}, columns.map((name, index) => h("th", { scope: "col", ...kind(index) }, name)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell, index) =>
      h("td", kind(index), typeof cell === "number" ? number(cell) : cell)))))));
}

export function number(value, digits = 4) {
  if (value === null || value === undefined) return "–";
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value)) return value.toLocaleString(document.documentElement.lang);
  return value.toLocaleString(document.documentElement.lang, { maximumSignificantDigits: digits });
}

export function moment(text) {
  return h("time", { datetime: text }, new Date(text).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" }));
}

export function bytes(count) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  for (; count >= 1024 && unit < units.length - 1; unit += 1) count /= 1024;
  return `${number(count, 3)} ${units[unit]}`;
}
