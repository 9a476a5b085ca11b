import { type HelperFacts, type HelperForm, type HelperHere, helperFacts } from "../src/cli/helper-facts.ts";
import { isForAll, type KfuncFacts, kfuncFacts } from "../src/cli/kfunc-facts.ts";
import { offerText } from "../src/cli/offer-text.ts";
import { type Offer, Offers } from "../src/kernel/index.ts";
import { HELPER_FAMILIES, KFUNC_FAMILIES, PROGRAM_TYPES } from "../src/platform/index.ts";
import { BpfFuncId, BpfProgType } from "../src/uapi/index.ts";
import type { Generator } from "./generator.ts";

const OUTPUT = "docs/helpers.md";

/** Where most types are meant, those that are not are told. */
const MANY = 20;

const TYPES = PROGRAM_TYPES.filter(({ type }) => type !== BpfProgType.UNSPEC && type !== BpfProgType.EXT).map(
  ({ name }) => name,
);

/** The page of all helpers and functions of the kernel, from the tables that `tsbpf help` reads. */
export const helperDocs: Generator = {
  name: "helper-docs",
  purpose: "docs/helpers.md: all helpers and kfuncs, what they are for, and what the embedded kernel does",
  repeatable: true,
  generate: () => ({ files: new Map([[OUTPUT, page(new Offers())]]) }),
};

function page(offers: Offers): string {
  const helpers = HELPER_FAMILIES.map(({ title, names }) => ({
    title,
    facts: names.map((name) => helperFacts(BpfFuncId[name], offers)),
  }));
  const kfuncs = KFUNC_FAMILIES.map(({ title, names }) => ({
    title,
    facts: names.map((name) => kfuncFacts(name, offers)!),
  }));
  const all = helpers.flatMap(({ facts }) => facts.flatMap(({ embedded }) => embedded.slice(0, 1)));
  return `${[
    "# Helpers and kfuncs",
    "Made by `npm run gen -- helper-docs` of the tables that programs are verified and run with; `tsbpf help helper NAME` and `tsbpf help kfunc NAME` show the same. All is of Linux 6.18. *Embedded* is what the embedded kernel does.",
    "Errors are negative results: ENOENT is -2. Where nothing else is told, a helper gives 0 for success and a negative error.",
    `Of ${all.length} helpers ${counts(all)}; of ${kfuncs.flatMap(({ facts }) => facts).length} kfuncs ${counts(kfuncs.flatMap(({ facts }) => facts.map(({ embedded }) => embedded)))}.`,
    ...helpers.flatMap(({ title, facts }) => [`## ${title}`, ...facts.map(helperSection)]),
    "## Kfuncs",
    "Functions of the kernel, which programs call by their BTF ids. *Rules* are what Linux asks of callers (`KF_*`). Where the embedded kernel has none, a program that calls it is refused when it loads: EOPNOTSUPP, and in the log `kfunc NAME is not supported by this kernel`. Functions without a declaration are in modules.",
    ...kfuncs.flatMap(({ title, facts }) => [
      `### ${title}`,
      [
        "| function | what it does | rules | programs | embedded |",
        "|---|---|---|---|---|",
        ...facts.map(kfuncRow),
      ].join("\n"),
    ]),
  ].join("\n\n")}\n`;
}

function counts(offers: readonly Offer[]): string {
  const of = (status: Offer["status"]) => offers.filter((each) => each.status === status).length;
  return `${of("works")} work, ${of("constant")} always give one answer, ${of("refused")} are refused`;
}

function helperSection(told: HelperFacts): string {
  const { name, number, since, gplOnly, mightSleep, changesPacket, signature, meaning, flags, embedded } =
    told;
  const facts = [
    `helper ${number}`,
    ...(since === null ? [] : [`since Linux ${since}`]),
    ...(gplOnly ? ["GPL only"] : []),
    ...(mightSleep ? ["may sleep"] : []),
    ...(changesPacket ? ["may move the packet"] : []),
  ];
  const list = [
    ...flags.map((flag) => `- \`${flag.name}\`: ${flag.meaning}`),
    ...programLines(told.forms),
    ...embedded.map((each) => `- *embedded*: ${hereText(each, embedded.length > 1)}`),
  ];
  return [`### ${name}`, `\`${signature}\``, `*${facts.join(", ")}.* ${meaning}`, list.join("\n")].join(
    "\n\n",
  );
}

function hereText(here: HelperHere, several: boolean): string {
  return `${several ? `${typesText(here.programs)}: ` : ""}${offerText(here)}`;
}

/** Types that may call it, once each: arguments that differ are for `tsbpf help helper`. */
function programLines(forms: readonly HelperForm[]): readonly string[] {
  if (forms.length === 0) return ["- *programs*: struct_ops, in some operations only"];
  const programs = forms.flatMap((form) => form.programs);
  const free = new Set(programs.filter(({ conditions }) => conditions.length === 0).map(({ type }) => type));
  const bound = new Map<string, Set<string>>();
  for (const { type, conditions } of programs) {
    if (free.has(type)) continue;
    const text = conditions.join(", or ");
    bound.set(text, (bound.get(text) ?? new Set()).add(type));
  }
  return [
    ...(free.size === 0 ? [] : [`- *programs*: ${typesText([...free])}`]),
    ...[...bound].map(([text, types]) => `- *programs*: ${typesText([...types])} (${text})`),
  ];
}

function typesText(types: readonly string[]): string {
  const others = TYPES.filter((type) => !types.includes(type));
  if (others.length === 0) return "all";
  return types.length < MANY ? types.join(", ") : `all but ${others.join(", ")}`;
}

function kfuncRow(told: KfuncFacts): string {
  const { name, signature, meaning, rules, programs, condition, embedded } = told;
  const where = isForAll(told) ? "all" : programs.join(", ");
  return `| ${[
    `\`${signature ?? name}\``,
    meaning,
    rules.join(", "),
    condition === null ? where : `${where} (${condition})`,
    embedded.status === "refused" ? "refused" : offerText(embedded),
  ].join(" | ")} |`;
}
