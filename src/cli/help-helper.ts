import { wrapped } from "../base/index.ts";
import { Offers } from "../kernel/index.ts";
import { helperSince } from "../platform/index.ts";
import { BpfFuncId, helperId } from "../uapi/index.ts";
import type { Invocation } from "./command.ts";
import { CommandError } from "./failure.ts";
import { COLUMNS, callLines, jsonText, row, suggestion } from "./help-text.ts";
import { type HelperFacts, type HelperForm, helperFacts } from "./helper-facts.ts";
import { HELPER_PREFIX, helperOf } from "./helper-names.ts";
import { offerText } from "./offer-text.ts";
import { type Style, styleOf } from "./style.ts";

/** `tsbpf help helper [NAME]`: what a helper takes and gives, since when, and in which programs; or all of them. */
export async function helpHelper({ io, words, json, pretty }: Invocation): Promise<number> {
  if (words.count === 0) {
    const all = BPF_HELPERS.map(({ id, name }) => ({ name, number: id, since: helperSince(id) ?? null }));
    io.stdout.write(
      json
        ? `${jsonText(all, pretty)}\n`
        : all
            .map(
              ({ name, number, since }) => `${`${number}`.padStart(3)}  ${`${since}`.padEnd(4)}  ${name}\n`,
            )
            .join(""),
    );
    return 0;
  }
  const word = words.take();
  words.end();
  const id = numberOf(word);
  if (id === undefined)
    throw new CommandError(
      `there is no helper '${word}'${suggestion(
        word,
        BPF_HELPERS.map(({ name }) => name),
        "helper",
      )}`,
    );
  const told = helperFacts(id, new Offers());
  io.stdout.write(json ? `${jsonText(told, pretty)}\n` : textOf(told, styleOf(io.stdout)));
  return 0;
}

const BPF_HELPERS = Object.entries(BpfFuncId)
  .filter(([name]) => name !== "unspec")
  .map(([name, id]) => ({ name: `${HELPER_PREFIX}${name}`, id }));

function numberOf(word: string): number | undefined {
  return helperOf(word) ?? helperId(word) ?? BPF_HELPERS.find(({ id }) => `${id}` === word)?.id;
}

function textOf(told: HelperFacts, style: Style): string {
  const { signature, number, since, meaning, flags, gplOnly, mightSleep, changesPacket, forms } = told;
  const width = Math.min(style.width, COLUMNS);
  const lines = [...callLines(signature, width, style), "", ...wrapped(meaning, width), ""];
  lines.push(...row("number", `${number}${since === null ? "" : `, since Linux ${since}`}`, width, style));
  if (gplOnly)
    lines.push(...row("licence", "only for programs under a licence compatible with the GPL", width, style));
  if (mightSleep)
    lines.push(...row("sleeps", "it may sleep: only sleepable programs may call it", width, style));
  if (changesPacket)
    lines.push(
      ...row("packet", "it may move the packet: load data and data_end again behind it", width, style),
    );
  for (const [i, flag] of flags.entries())
    lines.push(...row(i === 0 ? "flags" : "", `${flag.name}: ${flag.meaning}`, width, style));
  for (const form of forms) {
    if (forms.length > 1) lines.push("");
    lines.push(...formLines(form, width, style));
  }
  if (forms.length === 0) lines.push(...row("programs", "struct_ops, in some operations only", width, style));
  const { embedded } = told;
  if (forms.length > 1 && embedded.length > 0) lines.push("");
  for (const each of embedded) {
    const whose = embedded.length > 1 ? `${each.programs.join(", ")}: ` : "";
    lines.push(...row("embedded", `${whose}${offerText(each)}`, width, style));
  }
  return `${lines.join("\n")}\n`;
}

function formLines(
  { arguments: args, returns, programs }: HelperForm,
  width: number,
  style: Style,
): string[] {
  const lines = args.flatMap(({ name, meaning }) => row(name, meaning, width, style));
  lines.push(...row("returns", returns.meaning, width, style));
  const free = programs.filter(({ conditions }) => conditions.length === 0).map(({ type }) => type);
  const bound = programs.filter(({ conditions }) => conditions.length > 0);
  if (free.length > 0) lines.push(...row("programs", free.join(", "), width, style));
  const conditions = new Map<string, string[]>();
  for (const { type, conditions: own } of bound) {
    const text = own.join(", or ");
    conditions.set(text, [...(conditions.get(text) ?? []), type]);
  }
  let title = free.length > 0 ? "" : "programs";
  for (const [text, types] of conditions) {
    lines.push(...row(title, `${types.join(", ")} (${text})`, width, style));
    title = "";
  }
  return lines;
}
