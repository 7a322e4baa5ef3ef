// A record's JSON Schema, read into fields that a form can show.

function resolved(part, root) {
  if (part.$ref) return { ...resolved(part.$ref.split("/").slice(1).reduce((at, key) => at[key], root), root), ...without(part, "$ref") };
  if (!part.anyOf) return part;
  const kinds = part.anyOf.filter((kind) => kind.type !== "null");
  const inner = kinds.length === 1 ? resolved(kinds[0], root) : {};
  return { ...inner, ...without(part, "anyOf"), nullable: kinds.length < part.anyOf.length };
}

function without(object, key) {
  const { [key]: _, ...rest } = object;
  return rest;
}

function widget(part, root) {
  if (part.widget) return part.widget;
  if (part.const !== undefined || part.enum) return "choice";
  if (part.type === "boolean") return "switch";
  if (part.type === "number" || part.type === "integer") return "number";
  if (part.type === "array") {
    const inner = resolved(part.items ?? {}, root);
    if (inner.type === "array") return "strip";
    return inner.type === "number" || inner.type === "integer" ? "series" : "json";
  }
  if (part.format === "date-time") return "time";
  return (part.maxLength ?? 10_000) > 200 ? "text" : "line";
}

export function fields(root) {
  return Object.entries(root.properties ?? {}).map(([name, raw]) => {
    const part = resolved(raw, root);
    return { name, ...part, widget: widget(part, root), item: part.items && resolved(part.items, root), required: (root.required ?? []).includes(name) };
  });
}

// The i-th examples of all fields belong together, as far as the longest list goes; the last one repeats.
export function examples(root) {
  const given = fields(root).filter((field) => field.examples?.length);
  const count = Math.max(0, ...given.map((field) => field.examples.length));
  return Array.from({ length: count }, (_, index) => Object.fromEntries(given
    .map((field) => [field.name, field.examples[field.nullable ? index : Math.min(index, field.examples.length - 1)]])
    .filter(([, value]) => value !== null && value !== undefined)));
}

export function bounds(field) {
  const part = field.item && field.item.type !== "array" ? field.item : field;
  const found = [];
  if (part.minimum !== undefined) found.push(`≥ ${part.minimum}`);
  if (part.exclusiveMinimum !== undefined) found.push(`> ${part.exclusiveMinimum}`);
  if (part.maximum !== undefined) found.push(`≤ ${part.maximum}`);
  if (part.exclusiveMaximum !== undefined) found.push(`< ${part.exclusiveMaximum}`);
  if (field.maxItems) found.push(field.minItems === field.maxItems ? `${field.maxItems} ×` : `${field.minItems ?? 0}–${field.maxItems} ×`);
  if (field.enum && field.enum.length <= 6) found.push(field.enum.join(", "));
  return found.join(", ");
}
