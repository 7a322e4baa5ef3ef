// AWS Signature Version 4 for execute-api, with the browser's own cryptography.

const text = new TextEncoder();
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
const digest = async (bytes) => hex(await crypto.subtle.digest("SHA-256", bytes));
const quote = (part) => encodeURIComponent(part).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

async function mac(key, message) {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return crypto.subtle.sign("HMAC", imported, text.encode(message));
}

export async function sign({ method, url, body, credentials, region, now = new Date() }) {
  const date = now.toISOString().replace(/[:-]|\.\d{3}/g, "");
  const scope = `${date.slice(0, 8)}/${region}/execute-api/aws4_request`;
  const headers = { host: url.host, "x-amz-date": date };
  if (credentials.token) headers["x-amz-security-token"] = credentials.token;
  const names = Object.keys(headers).sort();
  const query = [...url.searchParams].map(([name, value]) => `${quote(name)}=${quote(value)}`).sort().join("&");
  const request = [
    method, url.pathname.split("/").map(quote).join("/"), query,
    ...names.map((name) => `${name}:${headers[name]}`), "", names.join(";"),
    await digest(typeof body === "string" ? text.encode(body) : body ?? new Uint8Array()),
  ].join("\n");
  const message = ["AWS4-HMAC-SHA256", date, scope, await digest(text.encode(request))].join("\n");
  let key = text.encode(`AWS4${credentials.secret}`);
  for (const part of scope.split("/")) key = await mac(key, part);
  const signature = hex(await mac(key, message));
  delete headers.host;  // the browser sends it itself
  return {
    ...headers,
    authorization: `AWS4-HMAC-SHA256 Credential=${credentials.id}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`,
  };
}
