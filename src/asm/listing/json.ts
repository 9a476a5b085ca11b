/** A value that JSON can hold. Interfaces without an index signature fit too. */
export type JsonValue = string | number | bigint | boolean | null | readonly JsonValue[] | object;

/**
 * JSON as bpftool's writer lays it out: all in one line, or `pretty`: fields on lines of their own, indented by four
 * blanks, values of an array one behind the other and its bracket on a new line. Ends with a line break.
 */
export function jsonText(value: JsonValue, options: { readonly pretty?: boolean } = {}): string {
  const parts: string[] = [];
  write(parts, value, 0, options.pretty === true);
  parts.push("\n");
  return parts.join("");
}

function write(parts: string[], value: JsonValue, depth: number, pretty: boolean): void {
  if (
    value === null ||
    typeof value === "boolean" ||
    typeof value === "number" ||
    typeof value === "bigint"
  ) {
    parts.push(String(value));
  } else if (typeof value === "string") {
    parts.push(quoted(value));
  } else if (Array.isArray(value)) {
    parts.push("[");
    for (const [index, item] of value.entries()) {
      if (index > 0) parts.push(",");
      write(parts, item as JsonValue, depth + 1, pretty);
    }
    if (value.length > 0) lineBreak(parts, depth, pretty);
    parts.push("]");
  } else {
    parts.push("{");
    let separator = "";
    for (const [name, field] of Object.entries(value)) {
      if (field === undefined) continue;
      parts.push(separator);
      lineBreak(parts, depth + 1, pretty);
      parts.push(quoted(name), pretty ? ": " : ":");
      write(parts, field as JsonValue, depth + 1, pretty);
      separator = ",";
    }
    if (separator !== "") lineBreak(parts, depth, pretty);
    parts.push("}");
  }
}

function lineBreak(parts: string[], depth: number, pretty: boolean): void {
  if (pretty) parts.push("\n", "    ".repeat(depth));
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\t": "\\t",
  "\n": "\\n",
  "\r": "\\r",
  "\f": "\\f",
  "\b": "\\b",
  "\\": "\\\\",
  '"': '\\"',
};

function quoted(text: string): string {
  return `"${text.replaceAll(/[\t\n\r\f\b\\"]/g, (char) => ESCAPES[char]!)}"`;
}
