// Two ways to a picture: drawing one, and choosing one. Both give base64 without a prefix.

import { h } from "./dom.js";
import { t } from "./words.js";

const SIDE = 224, EDGE = 2;  // pixels; the edge is the style sheet's border

const base64 = (found) => found.slice(found.indexOf(",") + 1);

// A picture in base64 as an address; a JPEG begins with the bytes FF D8 FF.
export const address = (value) => `data:${value.startsWith("/9j/") ? "image/jpeg" : "image/png"};base64,${value}`;

export function drawing(id) {
  const canvas = h("canvas", { class: "drawing", id, width: SIDE, height: SIDE, tabindex: 0, role: "application", "aria-label": `${t("Drawing")}. ${t("Draw with mouse, finger or the arrow keys (space: pen up or down).")}` });
  const pen = canvas.getContext("2d");
  const mark = h("span", { class: "cursor", hidden: true }), state = h("p", { class: "small", role: "status" });
  let last = null, cursor = [SIDE / 2, SIDE / 2], down = false, empty = true;
  const clear = () => {
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, SIDE, SIDE);
    empty = true;
  };
  const stroke = (from, to) => {
    Object.assign(pen, { strokeStyle: "#fff", lineWidth: 16, lineCap: "round", lineJoin: "round" });
    pen.beginPath();
    pen.moveTo(...from);
    pen.lineTo(...to);
    pen.stroke();
    empty = false;
  };
  const place = (event) => {
    const frame = canvas.getBoundingClientRect();
    return [((event.clientX - frame.left) / frame.width) * SIDE, ((event.clientY - frame.top) / frame.height) * SIDE];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    begin();
    mark.hidden = true;
    last = place(event);
    stroke(last, last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const next = place(event);
    stroke(last, next);
    last = next;
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { last = null; });
  canvas.addEventListener("keydown", (event) => {
    // The mark is beside the picture, not in it: the picture is what is sent.
    const way = { ArrowLeft: [-8, 0], ArrowRight: [8, 0], ArrowUp: [0, -8], ArrowDown: [0, 8] }[event.key];
    if (event.key === " ") {
      down = !down;
      if (down) { begin(); stroke(cursor, cursor); }
    } else if (way) {
      const next = cursor.map((at, axis) => Math.min(SIDE - 8, Math.max(8, at + way[axis])));
      if (down) stroke(cursor, next);
      cursor = next;
    } else return;
    const [left, top] = cursor.map((at) => `${EDGE + (at * (SIDE - 2 * EDGE)) / SIDE}px`);
    Object.assign(mark.style, { left, top });
    mark.hidden = false;
    mark.classList.toggle("down", down);
    state.textContent = down ? t("The pen is down.") : t("The pen is up.");
    event.preventDefault();
  });
  canvas.addEventListener("blur", () => { mark.hidden = true; });
  // A picture that was loaded makes room for what is drawn.
  const begin = () => { if (chooser.get()) { chooser.set(null); clear(); } };
  clear();
  // A chosen picture is shown where it would have been drawn, and sent as it is.
  const show = (value) => {
    clear();
    if (!value) return;
    const image = new Image();
    image.onload = () => {
      if (chooser.get() !== value) return;  // meanwhile something else is there
      const scale = SIDE / Math.max(image.width, image.height);
      pen.imageSmoothingEnabled = false;
      pen.drawImage(image, (SIDE - image.width * scale) / 2, (SIDE - image.height * scale) / 2, image.width * scale, image.height * scale);
    };
    image.src = address(value);
  };
  const chooser = picture(`${id}-file`, t("or a picture"), false);
  chooser.onchange = () => show(chooser.get());
  const element = h("div", {}, h("div", { class: "pad" }, canvas, mark),
    h("p", { class: "hint" }, t("Draw with mouse, finger or the arrow keys (space: pen up or down).")), state,
    h("div", { class: "row" }, h("button", { type: "button", onclick: () => { clear(); chooser.set(null); } }, t("Clear")), chooser.element));
  return {
    element,
    get: () => (empty ? chooser.get() : base64(canvas.toDataURL("image/png"))),
    set: (value) => { chooser.set(value); show(value); },
  };
}

export function picture(id, label, previewed = true) {
  let held = null, changed = () => {};
  const preview = h("img", { class: "preview", alt: t("Picture"), hidden: true });
  const show = () => {
    preview.hidden = !held || !previewed;
    if (held) preview.src = address(held);
    else preview.removeAttribute("src");
  };
  const input = h("input", {
    id, type: "file", accept: "image/png,image/jpeg", "aria-label": label,
    onchange: () => {
      const [file] = input.files;
      if (!file) return;
      const reader = new FileReader();
      reader.onload = () => { held = base64(reader.result); show(); changed(); };
      reader.readAsDataURL(file);
    },
  });
  return {
    element: h("div", {}, label && h("label", { for: id, class: "quiet" }, label), input, preview),
    get: () => held,
    set: (value) => { held = value ?? null; input.value = ""; show(); },
    set onchange(action) { changed = action; },
  };
}
