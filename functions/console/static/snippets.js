// The call that was just made, as a command or a program to take away.

import { base, settings } from "./api.js";
import { h } from "./dom.js";
import { t } from "./words.js";

const LONGEST = 2000;  // characters of a record that are still worth reading

const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curl(model, body) {
  const lines = [`curl -sS -X POST ${shell(`${base()}/v1/models/${model}:predict`)}`, "-H 'Content-Type: application/json'"];
  if (settings.authentication === "AWS_IAM") {
    lines.push(`--aws-sigv4 'aws:amz:${settings.region}:execute-api'`, '--user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"', '-H "x-amz-security-token: $AWS_SESSION_TOKEN"');
  } else if (settings.authentication) lines.push('-H "Authorization: Bearer $MAAS_TOKEN"');
  return [...lines, `-d ${shell(JSON.stringify(body))}`].join(" \\\n  ");
}

const literal = (value) => JSON.stringify(value, null, 2).replace(/\btrue\b/g, "True").replace(/\bfalse\b/g, "False").replace(/\bnull\b/g, "None");

function python(model, body) {
  const auth = settings.authentication === "AWS_IAM"
    ? ["import boto3", "from botocore.auth import SigV4Auth", "from botocore.awsrequest import AWSRequest", ""] : [];
  const send = settings.authentication === "AWS_IAM"
    ? ['signed = AWSRequest("POST", url, data=body, headers=headers)', `SigV4Auth(boto3.Session().get_credentials(), "execute-api", "${settings.region}").add_auth(signed)`, "headers = dict(signed.headers)"]
    : settings.authentication ? ['headers["Authorization"] = "Bearer " + os.environ["MAAS_TOKEN"]'] : [];
  return [
    "import json", ...(settings.authentication && settings.authentication !== "AWS_IAM" ? ["import os"] : []), "from urllib.request import Request, urlopen", "", ...auth,
    `url = "${base()}/v1/models/${model}:predict"`, `body = json.dumps(${literal(body)}).encode()`,
    'headers = {"Content-Type": "application/json"}', ...send,
    "with urlopen(Request(url, body, headers)) as answer:", '    print(json.load(answer)["predictions"])',
  ].join("\n");
}

function triton(model, record, inputs) {
  const host = base().replace(/^https?:\/\//, ""), secure = base().startsWith("https");
  const kinds = { BYTES: "object", FP64: "np.float64", INT64: "np.int64", BOOL: "bool", FP32: "np.float32" };
  const given = inputs.filter((input) => record[input.name] !== undefined);
  return [
    "import numpy as np", "import tritonclient.http as triton", "",
    `client = triton.InferenceServerClient("${host}"${secure ? ", ssl=True" : ""})`, "inputs = []",
    `for name, datatype, values in [`,
    ...given.map((input) => `    ("${input.name}", "${input.datatype}", np.array(${literal([record[input.name]]).replaceAll("\n", "")}, dtype=${kinds[input.datatype] ?? "object"})),`),
    "]:", "    tensor = triton.InferInput(name, values.shape, datatype)", "    tensor.set_data_from_numpy(values)", "    inputs.append(tensor)",
    `print(client.infer("${model}", inputs).get_response())`,
  ].join("\n");
}

export function snippets(model, record, inputs, announce) {
  const short = Object.fromEntries(Object.entries(record).map(([name, value]) =>
    [name, typeof value === "string" && value.length > LONGEST ? `${value.slice(0, 60)}...` : value]));
  const body = { instances: [short] };
  const texts = { curl: curl(model, body), Python: python(model, body), tritonclient: triton(model, short, inputs) };
  const code = h("pre", { tabindex: 0, role: "region", "aria-label": t("The same call") });
  const show = (name) => {
    code.textContent = texts[name];
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.textContent === name));
  };
  const buttons = Object.keys(texts).map((name) => h("button", { type: "button", onclick: () => show(name) }, name));
  const copy = h("button", {
    type: "button",
    onclick: async () => { await navigator.clipboard.writeText(code.textContent); announce(t("Copied.")); },
  }, t("Copy"));
  show("curl");
  return h("section", {}, h("h2", {}, t("The same call")), h("div", { class: "row" }, buttons, copy), code);
}
