// The call that was just made, as a command or a program to take away.

import { base, settings } from "./api.js";
import { h } from "./dom.js";
import { t } from "./words.js";

const LONGEST = 2000;  // characters of a value that are still worth reading; what is copied has them all
const ARGUMENT = 100_000;  // bytes, safely below what one argument of a command may have

const signs = () => settings.authentication === "AWS_IAM";
const bearer = () => settings.authentication !== "" && !signs();

const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curl(model, body) {
  const lines = [`curl -sS -X POST ${shell(`${base()}/v1/models/${model}:predict`)}`, "-H 'Content-Type: application/json'"];
  if (signs()) {
    lines.push(`--aws-sigv4 'aws:amz:${settings.region}:execute-api'`, '--user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"', '-H "x-amz-security-token: $AWS_SESSION_TOKEN"');
  } else if (bearer()) lines.push('-H "Authorization: Bearer $MAAS_TOKEN"');
  if (settings.api_key) lines.push('-H "x-api-key: $MAAS_API_KEY"');
  const data = JSON.stringify(body);
  const sent = data.length < ARGUMENT ? `-d ${shell(data)}` : `-d @- <<'JSON'\n${data}\nJSON`;
  return [...lines, sent].join(" \\\n  ");
}

// A JSON value as Python writes it. What JSON may quote in a string, Python reads the same way.
function literal(value, indent = "") {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const deeper = `${indent}  `;
  const items = Array.isArray(value) ? value.map((one) => literal(one, deeper))
    : Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}: ${literal(one, deeper)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const flat = `${open}${items.join(", ")}${close}`, plain = Array.isArray(value) && value.every((one) => one === null || typeof one !== "object");
  return plain || (flat.length < 80 && !flat.includes("\n")) ? flat : `${open}\n${items.map((item) => `${deeper}${item},\n`).join("")}${indent}${close}`;
}

const fromEnvironment = (name) => `os.environ["${name}"]`;
const shown = () => [
  ...(bearer() ? [`headers["Authorization"] = "Bearer " + ${fromEnvironment("MAAS_TOKEN")}`] : []),
  ...(settings.api_key ? [`headers["x-api-key"] = ${fromEnvironment("MAAS_API_KEY")}`] : []),
];
const imports = (lines, ...modules) => [...(lines.some((line) => line.includes("os.environ")) ? ["import os"] : []), ...modules];

function python(model, body) {
  const auth = signs()
    ? ["signed = AWSRequest(\"POST\", url, data=body, headers=headers)", `SigV4Auth(boto3.Session().get_credentials(), "execute-api", "${settings.region}").add_auth(signed)`, "headers = dict(signed.headers)"] : [];
  const lines = shown();
  return [
    "import json", ...imports(lines, "from urllib.request import Request, urlopen"), "",
    ...(signs() ? ["import boto3", "from botocore.auth import SigV4Auth", "from botocore.awsrequest import AWSRequest", ""] : []),
    `url = "${base()}/v1/models/${model}:predict"`, `body = json.dumps(${literal(body)}).encode()`,
    'headers = {"Content-Type": "application/json"}', ...lines, ...auth,
    "with urlopen(Request(url, body, headers)) as answer:", '    print(json.load(answer)["predictions"])',
  ].join("\n");
}

function triton(model, record, inputs) {
  const host = base().replace(/^https?:\/\//, ""), secure = base().startsWith("https");
  const kinds = { BYTES: "object", FP64: "np.float64", INT64: "np.int64", BOOL: "bool", FP32: "np.float32" };
  const given = inputs.filter((input) => record[input.name] !== undefined);
  const lines = signs() ? [] : shown();
  // The client cannot sign; the proxy on this computer does it for whatever passes, and adds the key.
  const client = signs()
    ? ["# This API wants signed requests: start `maas proxy`, which signs what it passes on.", 'client = triton.InferenceServerClient("127.0.0.1:8080")']
    : [`client = triton.InferenceServerClient("${host}"${secure ? ", ssl=True" : ""})`];
  return [
    ...imports(lines, ...(lines.length ? [""] : []), "import numpy as np", "import tritonclient.http as triton"), "",
    ...client, ...(lines.length ? ["headers = {}", ...lines] : []), "inputs = []",
    "for name, datatype, values in [",
    ...given.map((input) => `    ("${input.name}", "${input.datatype}", np.array(${literal([record[input.name]], "    ")}, dtype=${kinds[input.datatype] ?? "object"})),`),
    "]:", "    tensor = triton.InferInput(name, values.shape, datatype)", "    tensor.set_data_from_numpy(values)", "    inputs.append(tensor)",
    `print(client.infer("${model}", inputs${lines.length ? ", headers=headers" : ""}).get_response())`,
  ].join("\n");
}

const written = (model, record, inputs) => ({
  curl: curl(model, { instances: [record] }), Python: python(model, { instances: [record] }), tritonclient: triton(model, record, inputs),
});

export function snippets(model, record, inputs, announce) {
  const long = ([, value]) => typeof value === "string" && value.length > LONGEST;
  const short = Object.fromEntries(Object.entries(record).map(([name, value]) => [name, long([name, value]) ? `${value.slice(0, 60)}…` : value]));
  const whole = written(model, record, inputs), read = written(model, short, inputs);
  const code = h("pre", { tabindex: 0, role: "region", "aria-label": t("The same call") });
  let chosen = "curl";
  const show = (name) => {
    chosen = name;
    code.textContent = read[name];
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.textContent === name));
  };
  const buttons = Object.keys(read).map((name) => h("button", { type: "button", onclick: () => show(name) }, name));
  const copy = h("button", {
    type: "button",
    onclick: async () => { await navigator.clipboard.writeText(whole[chosen]); announce(t("Copied.")); },
  }, t("Copy"));
  show(chosen);
  return h("section", {}, h("h2", {}, t("The same call")), h("div", { class: "row" }, buttons, copy), code,
    Object.entries(record).some(long) && h("p", { class: "quiet small" }, t("Long values are shortened here, not in what is copied.")));
}
