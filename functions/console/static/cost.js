// What calls cost, from the duration of the last one made here.

import { get } from "./api.js";
import { h, number } from "./dom.js";
import { bars } from "./charts.js";
import { last } from "./trial.js";
import { t } from "./words.js";

const GUESS = 5;  // milliseconds
const dollars = (value) => `$${value.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: value < 0.1 ? 5 : 2 })}`;

export async function cost(model) {
  const known = last[model] ?? {};
  const milliseconds = h("input", { id: "milliseconds", class: "narrow", inputmode: "decimal", value: String(Number((known.milliseconds ?? GUESS).toPrecision(3))) });
  const calls = h("input", { id: "calls", class: "narrow", inputmode: "numeric", value: "100000" });
  const result = h("div", { "aria-live": "polite" });
  const value = (input) => Number(input.value.trim() || NaN);
  const estimate = async () => {
    try {
      const found = await get(`console/data/cost/${value(milliseconds)}/${value(calls)}${known.memory ? `/${known.memory}` : ""}`);
      result.replaceChildren(
        h("p", { class: "answer" }, dollars(found.usd_per_thousand), " ", h("small", {}, t("per 1,000 predictions"))),
        bars("$", [
          { label: `${number(found.calls_per_month)} ${t("a month")}`, value: found.usd_per_month, figure: dollars(found.usd_per_month) },
          { label: t("nobody calls"), value: found.usd_standing_per_month, figure: dollars(found.usd_standing_per_month) },
          { label: t("an always-on server"), value: found.usd_always_on_per_month, figure: dollars(found.usd_always_on_per_month), pale: true },
        ]),
        h("p", {}, t("The server would be cheaper from {calls} calls a month.", { calls: number(Math.round(found.break_even_calls_per_month), 3) })),
        h("p", { class: "quiet small" }, `${found.memory} MB (${known.memory ? t("as the model said with its last answer") : t("as the console's function has; the model tells its own with an answer")}), ${found.architecture}; ${found.always_on}. ${t("List prices of {prices}; an estimate, not a bill.", { prices: found.prices })}`));
    } catch (problem) {
      result.replaceChildren(h("p", { class: "wrong", role: "alert" }, problem.message));
    }
  };
  await estimate();
  return [h("section", { class: "panel" },
    h("p", { class: "quiet" }, t("The duration is that of your last call here, or a guess until you make one.")),
    h("form", { class: "row", onsubmit: (event) => { event.preventDefault(); estimate(); } },
      h("label", { for: "milliseconds" }, t("Milliseconds per call")), milliseconds, h("label", { for: "calls" }, t("Calls per month")), calls, h("button", { type: "submit" }, t("Estimate"))),
    result)];
}
