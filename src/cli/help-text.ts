import { wrapped } from "../base/index.ts";
import { HELPER_PREFIX } from "./helper-names.ts";
import type { Style } from "./style.ts";

/** Prose is not read in longer lines. */
export const COLUMNS = 80;

/** A value as -j or -p writes it. */
export function jsonText(value: unknown, pretty: boolean): string {
  return JSON.stringify(value, null, pretty ? 4 : undefined);
}

/** Names that have the word in them, for whoever asked for one that there is not. */
export function suggestion(word: string, names: readonly string[], kind: string): string {
  const part = word.replace(HELPER_PREFIX, "");
  const near = names.filter((name) => part !== "" && name.includes(part));
  if (near.length === 0) return `: 'tsbpf help ${kind}' lists them`;
  return `, but ${near.slice(0, 5).join(", ")}${near.length > 5 ? " …" : ""}`;
}

/** The declaration; where it is too long for a line, with its parameters below each other. */
export function callLines(signature: string, width: number, style: Style): string[] {
  if (signature.length <= width) return [style.bold(signature)];
  const [, head = "", parameters = ""] = /^(.*\()(.*)\)$/.exec(signature) ?? [];
  const each = parameters.split(", ");
  return [head, ...each.map((parameter, i) => `        ${parameter}${i + 1 < each.length ? "," : ")"}`)].map(
    style.bold,
  );
}

const TITLE = 14;

/** A line with a title, and more lines where it is long. */
export function row(title: string, text: string, width: number, style: Style): string[] {
  return wrapped(text, width - TITLE - 2).map(
    (each, i) => `  ${style.dim((i === 0 ? title : "").padEnd(TITLE))}${each}`,
  );
}
