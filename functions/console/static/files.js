// A whole file: uploaded to the inbox, watched while it is scored, fetched from the outbox.

import { Problem, call, get } from "./api.js";
import { bytes, h, number } from "./dom.js";
import { examples, fields } from "./schema.js";
import { t } from "./words.js";

const PAUSE = 1500;  // milliseconds between two looks
const PATIENCE = 5;  // looks that may fail in a row: the file is being scored all the same

export function files(model, card, alive) {
  const input = h("input", { type: "file", id: "file", accept: ".csv,.jsonl,.gz" });
  const list = h("div", { "aria-live": "polite" });
  const button = h("button", { class: "first", type: "submit" }, t("Upload and score"));
  const sample = new Blob([examples(card.record_schema).map((record) => `${JSON.stringify(record)}\n`).join("")], { type: "application/x-ndjson" });
  const form = h("form", {
    onsubmit: async (event) => {
      event.preventDefault();
      if (!input.files.length) { input.focus(); return; }
      button.disabled = true;
      await score(input.files[0]).finally(() => { button.disabled = false; });
    },
  }, h("div", { class: "field" }, h("label", { for: "file" }, t("File")), h("p", { class: "hint" },
    t("A CSV or JSON Lines file, one record a row, with the names of the input fields."), " ", h("code", {}, fields(card.record_schema).map((field) => field.name).join(", ")), " ",
    h("a", { href: URL.createObjectURL(sample), download: `${model}.jsonl` }, t("Example file"))), input), button);

  async function score(file) {
    const state = h("span"), meter = h("progress", { max: 1, value: 0, "aria-label": file.name }), more = h("p", { class: "small" });
    list.prepend(h("div", { class: "card" }, h("div", { class: "row" }, h("strong", {}, file.name), h("span", { class: "quiet" }, bytes(file.size)), state), meter, more));
    try {
      state.textContent = t("uploading");
      const { document: begun } = await call("POST", `console/data/files/${model}/${encodeURIComponent(file.name)}`);
      await put(begun.url, file, (share) => { meter.value = share / 2; });
      for (let failures = 0; alive(); await new Promise((done) => setTimeout(done, PAUSE))) {
        let now;
        try {
          now = await get(`console/data/files/${begun.id}`);
          failures = 0;
        } catch (problem) {
          failures += 1;
          if (failures >= PATIENCE) throw problem;
          continue;
        }
        state.textContent = t(now.state);
        meter.value = now.state === "done" ? 1 : 0.5 + 0.5 * Math.min(1, (now.offset ?? 0) / (now.size || 1));
        if (now.rows) more.textContent = t("{scored} rows scored, {rejected} rejected", { scored: number(now.scored), rejected: number(now.rejected) });
        if (now.downloads && Object.keys(now.downloads).length) {
          more.append(" ", ...Object.entries(now.downloads).flatMap(([kind, address]) => [h("a", { href: address, download: "" }, t(kind)), " "]));
        }
        if (["done", "failed", "replaced"].includes(now.state)) { if (now.reason) more.append(h("span", { class: "wrong" }, now.reason)); return; }
      }
    } catch (problem) {
      state.textContent = t("failed");
      more.replaceChildren(h("span", { class: "wrong" }, problem.message));
    }
  }

  return [h("section", { class: "panel" }, h("h2", {}, t("Score a whole file")), form), list];
}

function put(address, file, progress) {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();  // fetch cannot tell how much has gone up
    request.open("PUT", address);
    request.upload.onprogress = (event) => progress(event.loaded / event.total);
    request.onload = () => (request.status < 300 ? done() : fail(new Problem(request.status, { detail: `S3: ${request.status}` }, address)));
    request.onerror = () => fail(new Problem(0, { detail: t("{name} does not answer.", { name: "S3" }) }, address));
    request.send(file);
  });
}
