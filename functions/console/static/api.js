// Calls of the API, signed or with a token as the stack wants it, and its problems as exceptions.

import { sign } from "./sigv4.js";

const KEPT = "maas-credentials";

export class Problem extends Error {
  constructor(status, document, path) {
    super(document?.detail ?? document?.error ?? document?.message ?? `HTTP ${status}`);
    this.status = status;
    this.title = document?.title ?? "";
    this.errors = document?.errors ?? [];
    this.path = path;
  }
}

export const settings = { environment: "", authentication: "", region: "", login: {} };

export async function configure() {
  Object.assign(settings, await (await fetch("console/settings.json")).json());
}

export const credentials = {
  get: () => JSON.parse(sessionStorage.getItem(KEPT) ?? "null"),
  set: (value) => sessionStorage.setItem(KEPT, JSON.stringify(value)),
  drop: () => sessionStorage.removeItem(KEPT),
};

export const base = () => new URL(".", location.href).href.replace(/\/$/, "");

async function authentication(method, url, body) {
  const held = credentials.get();
  if (!held) return {};
  if (settings.authentication === "AWS_IAM") return sign({ method, url, body, credentials: held, region: settings.region });
  return settings.authentication ? { authorization: `Bearer ${held.token}` } : {};
}

export async function call(method, path, body) {
  const url = new URL(path, `${base()}/`);
  const sent = body === undefined ? undefined : JSON.stringify(body);
  const headers = await authentication(method, url, sent);
  if (sent !== undefined) headers["content-type"] = "application/json";
  let response;
  try {
    response = await fetch(url, { method, headers, body: sent, cache: "no-store" });
  } catch {
    throw new Problem(0, { detail: `${url.host} does not answer.` }, path);
  }
  const document = await response.json().catch(() => null);
  if (!response.ok) throw new Problem(response.status, document, path);
  return { document, headers: response.headers };
}

export const get = async (path) => (await call("GET", path)).document;
