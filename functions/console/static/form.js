// A form made from a record's schema: one control per field, values as the API takes them, faults at their fields.

import { h } from "./dom.js";
import { curve } from "./charts.js";
import { drawing, picture } from "./pictures.js";
import { bounds, examples, fields } from "./schema.js";
import { strip } from "./strip.js";
import { t, title } from "./words.js";

const SHOWN = 12;  // the rest is one click away
const LONG = 256;

function simple(element, read = (text) => text) {
  return {
    element,
    get: () => (element.value.trim() === "" ? undefined : read(element.value)),
    set: (value) => { element.value = value ?? ""; },
  };
}

function choice(id, field) {
  const options = field.enum ?? [field.const];
  const empty = field.required ? [] : [h("option", { value: "" }, t("leave out"))];
  return simple(h("select", { id }, empty, options.map((option) => h("option", { value: option }, option))));
}

function toggle(id, field) {
  const element = h("select", { id }, field.required ? [] : [h("option", { value: "" }, t("leave out"))],
    h("option", { value: "true" }, t("yes")), h("option", { value: "false" }, t("no")));
  const control = simple(element, (text) => text === "true");
  return { ...control, set: (value) => { element.value = value === undefined || value === null ? "" : String(value); } };
}

function figure(id) {
  // Not type=number: a browser would swallow what it cannot read, and the API could not say what is wrong with it.
  return simple(h("input", { id, inputmode: "decimal", autocomplete: "off" }), (text) => {
    // Exactly as it stands: whether 25,000 means thousands is not for a page to guess.
    const value = Number(text.trim());
    return Number.isFinite(value) ? value : text;
  });
}

function time(id) {
  return simple(h("input", { id, type: "datetime-local", step: 1 }));
}

function series(id, field) {
  const area = h("textarea", { id, rows: 3, spellcheck: false });
  const plot = h("div");
  const read = (text) => text.split(/[,;\s]+/).filter(Boolean).map((part) => {
    if (["-", "–", "null"].includes(part)) return null;
    const value = Number(part);
    return Number.isFinite(value) ? value : part;
  });
  const draw = () => {
    const values = read(area.value);
    plot.replaceChildren(...(values.length > 2 && values.length <= LONG ? [curve(field.name, values.map((value, index) => ({ label: index + 1, value })))] : []));
  };
  area.addEventListener("input", draw);
  return {
    element: h("div", {}, area, h("p", { class: "hint" }, t("Values, separated by commas; a dash for a missing one")), plot),
    get: () => (area.value.trim() === "" ? undefined : read(area.value)),
    set: (value) => { area.value = (value ?? []).map((one) => one ?? "-").join(", "); draw(); },
  };
}

function document_(id) {
  const area = h("textarea", { id, rows: 3, spellcheck: false });
  return {
    element: area,
    get: () => {
      if (area.value.trim() === "") return undefined;
      try { return JSON.parse(area.value); } catch { return area.value; }
    },
    set: (value) => { area.value = value === undefined || value === null ? "" : JSON.stringify(value); },
  };
}

const CONTROLS = {
  choice, switch: toggle, number: figure, time, series, strip, json: document_,
  line: (id) => simple(h("input", { id, autocomplete: "off" })),
  text: (id) => simple(h("textarea", { id, rows: 4 })),
  picture: (id) => picture(id, ""), drawing: (id) => drawing(id),
};

export function form(schema, onsubmit) {
  const known = fields(schema);
  const pictured = known.some((field) => ["picture", "drawing"].includes(field.widget));
  // Where a picture can be given, its thousand grey levels need no box of their own.
  const shown = known.filter((field) => !(pictured && field.nullable && (field.maxItems ?? 0) > LONG));
  const samples = examples(schema).filter((sample) => shown.some((field) => sample[field.name] !== undefined));
  const parts = new Map(shown.map((field) => [field.name, part(field)]));
  const wrappers = shown.map((field) => parts.get(field.name).wrapper);
  const button = h("button", { class: "first", type: "submit" }, t("Predict"));
  const pick = h("select", { class: "narrow", "aria-label": t("Example"), onchange: () => set(samples[Number(pick.value)]) },
    samples.map((_, index) => h("option", { value: index }, `${t("Example")} ${index + 1}`)));
  const element = h("form", { novalidate: true, onsubmit: (event) => { event.preventDefault(); onsubmit(); } },
    h("div", { class: "row" }, samples.length > 0 && pick, h("button", { type: "button", onclick: () => set({}) }, t("Clear"))),
    wrappers.slice(0, SHOWN),
    wrappers.length > SHOWN && h("details", {}, h("summary", {}, `${t("More fields")} (${wrappers.length - SHOWN})`), wrappers.slice(SHOWN)),
    h("div", { class: "row" }, button));

  function part(field) {
    const id = `field-${field.name}`, hint = `${id}-hint`, fault = `${id}-fault`;
    const control = (CONTROLS[field.widget] ?? document_)(id, field);
    const problem = h("p", { class: "wrong", id: fault });
    const limits = [field.unit, bounds(field)].filter(Boolean).join(", ");
    const wrapper = h("div", { class: "field" },
      h("label", { for: id }, title(field.name), " ", limits && h("span", { class: "unit small" }, limits), !field.required && h("span", { class: "unit small" }, ` · ${t("optional")}`)),
      h("p", { class: "hint", id: hint }, field.description ?? ""), control.element, problem);
    wrapper.querySelector(`#${CSS.escape(id)}`)?.setAttribute("aria-describedby", `${hint} ${fault}`);
    return { control, wrapper, problem };
  }

  function set(record) {
    faults([]);
    for (const [name, { control }] of parts) control.set(record?.[name]);
  }

  function value() {
    const record = {};
    for (const [name, { control }] of parts) {
      const found = control.get();
      if (found !== undefined && found !== null) record[name] = found;
    }
    return record;
  }

  // errors: {pointer: "/instances/0/temperature", detail}; gives back those without a field of their own.
  function faults(errors) {
    for (const { wrapper, problem } of parts.values()) {
      wrapper.classList.remove("faulty");
      problem.textContent = "";
      for (const control of wrapper.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
    }
    const homeless = [];
    let first;
    for (const error of errors) {
      const [, , , name, ...deeper] = error.pointer.split("/"), found = parts.get(name);
      if (!found) { homeless.push(error); continue; }
      found.wrapper.classList.add("faulty");
      found.problem.textContent += `${deeper.length ? `${deeper.join("/")}: ` : ""}${error.detail} `;
      found.wrapper.closest("details")?.setAttribute("open", "");
      const control = at(found.wrapper, deeper);
      control?.setAttribute("aria-invalid", "true");
      first ??= control;
    }
    first?.focus();
    return homeless;
  }

  // The control of a faulty place: in a strip the reading's own, else the field's.
  function at(wrapper, deeper) {
    const cells = wrapper.querySelectorAll(".strip input");
    const rows = wrapper.querySelectorAll(".strip tbody tr").length, [row, column] = deeper.map(Number);
    if (cells.length && Number.isInteger(row)) return cells[row * (cells.length / rows) + (column || 0)] ?? cells[0];
    return wrapper.querySelector("input, select, textarea, canvas");
  }

  set(samples[0] ?? {});
  return { element, value, faults, set, busy: (now) => { button.disabled = now; } };
}
