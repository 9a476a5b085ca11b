/** A probe as the host names it, taken apart. */
export type ProbeName =
  /** `tracepoint:CATEGORY:NAME` */
  | { readonly kind: "tracepoint"; readonly category: string; readonly name: string }
  /** `rawtracepoint:NAME`: a tracepoint, whatever category it is in, or one that no event is made of. */
  | { readonly kind: "rawtracepoint"; readonly name: string }
  /** `function:NAME`: a call from entry to return. */
  | { readonly kind: "function"; readonly name: string }
  /** `uprobe:PATH:OFFSET`, `uretprobe:PATH:OFFSET` */
  | { readonly kind: "uprobe" | "uretprobe"; readonly path: string; readonly offset: bigint }
  /** `software:NAME` and `hardware:NAME`: a counter counts. */
  | { readonly kind: "software" | "hardware"; readonly name: string };

/** @throws RangeError for what is no probe. */
export function parseProbe(probe: string): ProbeName {
  const parts = probe.split(":");
  const [kind, first, second] = parts;
  const count = parts.length;
  if (kind === "tracepoint" && count === 3) return { kind, category: first!, name: second! };
  if ((kind === "rawtracepoint" || kind === "function") && count === 2) return { kind, name: first! };
  if ((kind === "software" || kind === "hardware") && count === 2) return { kind, name: first! };
  if (kind === "uprobe" || kind === "uretprobe") {
    const colon = probe.lastIndexOf(":");
    const [path, offset] = [probe.slice(kind.length + 1, colon), probe.slice(colon + 1)];
    if (path !== "" && /^(0x[0-9a-f]+|\d+)$/i.test(offset)) return { kind, path, offset: BigInt(offset) };
  }
  throw new RangeError(
    `fire: expected tracepoint:CATEGORY:NAME, rawtracepoint:NAME, function:NAME, uprobe:PATH:OFFSET, ` +
      `uretprobe:PATH:OFFSET, software:NAME or hardware:NAME, got ${probe}`,
  );
}
