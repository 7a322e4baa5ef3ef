// The tab on which a model is tried: form on one side, answer with its reasons on the other.

import { call, get } from "./api.js";
import { explanation, prediction } from "./answer.js";
import { h, number } from "./dom.js";
import { form } from "./form.js";
import { address } from "./pictures.js";
import { snippets } from "./snippets.js";
import { t } from "./words.js";

// Of the last call of each model: its duration in milliseconds and its function's memory in MB, for the tab on costs.
export const last = {};

export async function trial(model, card, announce) {
  const { inputs } = await get(`v2/models/${model}`);
  const output = h("div", { "aria-live": "polite" }, h("p", { class: "quiet" }, t("The answer appears here.")));
  const code = h("div");
  const asked = form(card.record_schema, predict);
  let turn = 0;

  async function predict() {
    const record = asked.value(), mine = ++turn;
    asked.busy(true);
    asked.faults([]);
    try {
      const started = performance.now();
      const { document, headers } = await call("POST", `v1/models/${model}:predict`, { instances: [record] });
      const took = timing(headers, "dur") ?? performance.now() - started;
      if (mine !== turn) return;
      last[model] = { milliseconds: took, memory: timing(headers, "memory") };
      const reasons = h("section", {}, h("p", { class: "quiet" }, t("Explaining…")));
      output.replaceChildren(prediction(document.predictions[0], card.prediction_schema),
        h("p", { class: "quiet small" }, `${t("version")} `, h("span", { class: "mono" }, headers.get("x-model-version") ?? ""), ` · ${t("the call took {ms} ms", { ms: number(took, 3) })}`), reasons);
      code.replaceChildren(snippets(model, record, inputs, announce));
      await explain(record, headers.get("x-model-version"), reasons, () => mine === turn);
    } catch (problem) {
      if (mine !== turn) return;
      const homeless = asked.faults(problem.errors ?? []);
      output.replaceChildren(h("div", { class: "banner", role: "alert" }, h("strong", {}, problem.title ? t(problem.title) : t("What is wrong")), h("p", {}, problem.message),
        homeless.length > 0 && h("ul", {}, homeless.map((error) => h("li", {}, h("code", {}, error.pointer), ` ${error.detail}`)))));
      code.replaceChildren();
    } finally {
      if (mine === turn) asked.busy(false);
    }
  }

  // The version that has answered explains itself: while a canary runs, another call could meet another one.
  async function explain(record, version, place, current) {
    try {
      const { document } = await call("POST", `v1/models/${model}${version ? `/versions/${version}` : ""}:explain`, { instances: [record] });
      if (!current()) return;
      const picture = record.image && address(record.image);
      place.replaceChildren(h("h2", {}, t("Why")), explanation(document.explanations[0], picture));
    } catch (problem) {
      if (current()) place.replaceChildren(h("p", { class: "quiet" }, t("No explanation: {reason}", { reason: problem.message })));
    }
  }

  return [
    h("div", { class: "columns" },
      h("section", { class: "panel" }, h("h2", {}, t("Input")), asked.element),
      h("section", { class: "panel" }, h("h2", {}, t("Answer")), output)),
    code,
  ];
}

function timing(headers, name) {
  const found = { dur: /\bdur=([0-9.]+)/, memory: /\bmemory;desc="?([0-9]+)/ }[name].exec(headers.get("server-timing") ?? "");
  return found ? Number(found[1]) : undefined;
}
