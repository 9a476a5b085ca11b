import { wrapped } from "../base/index.ts";
import { Offers } from "../kernel/index.ts";
import type { Invocation } from "./command.ts";
import { CommandError } from "./failure.ts";
import { COLUMNS, callLines, jsonText, row, suggestion } from "./help-text.ts";
import { isForAll, KFUNC_NAMES, type KfuncFacts, kfuncFacts } from "./kfunc-facts.ts";
import { offerText } from "./offer-text.ts";
import { type Style, styleOf } from "./style.ts";

/** `tsbpf help kfunc [NAME]`: what a function of the kernel is for and who may call it; or the names of all of them. */
export async function helpKfunc({ io, words, json, pretty }: Invocation): Promise<number> {
  const offers = new Offers();
  if (words.count === 0) {
    const all = KFUNC_NAMES.map((name) => ({ name, embedded: offers.kfunc(name).status }));
    io.stdout.write(
      json
        ? `${jsonText(all, pretty)}\n`
        : all.map(({ name, embedded }) => `${embedded.padEnd(8)}  ${name}\n`).join(""),
    );
    return 0;
  }
  const word = words.take();
  words.end();
  const told = kfuncFacts(word, offers) ?? kfuncFacts(`bpf_${word}`, offers);
  if (told === undefined)
    throw new CommandError(`there is no kfunc '${word}'${suggestion(word, KFUNC_NAMES, "kfunc")}`);
  io.stdout.write(json ? `${jsonText(told, pretty)}\n` : textOf(told, styleOf(io.stdout)));
  return 0;
}

function textOf(told: KfuncFacts, style: Style): string {
  const { name, signature, meaning, rules, programs, condition, embedded } = told;
  const width = Math.min(style.width, COLUMNS);
  const types = `${isForAll(told) ? "all" : programs.join(", ")}${condition === null ? "" : ` (${condition})`}`;
  return `${[
    ...(signature === null ? [style.bold(name)] : callLines(signature, width, style)),
    "",
    ...wrapped(meaning, width),
    "",
    ...(rules.length === 0 ? [] : row("rules", rules.map((rule) => `KF_${rule}`).join(", "), width, style)),
    ...row("programs", types, width, style),
    ...row("embedded", offerText(embedded), width, style),
  ].join("\n")}\n`;
}
