import { type Callable, createHelpers, createKfuncs, type Helper, type Kfunc } from "../helpers/index.ts";
import { defaultLayout } from "../platform/index.ts";
import { contextKind } from "./context-kind.ts";
import { unsupportedHelper, unsupportedKfunc } from "./unsupported.ts";

/**
 * What the embedded kernel does where a program calls a helper or a function of the kernel.
 *
 * - `works`: what Linux does; `note` has what is otherwise.
 * - `constant`: it gives `answer` to every call that is right, `note` says why.
 * - `refused`: the program does not load: EOPNOTSUPP, with `note` in its log.
 */
export interface Offer {
  readonly status: "works" | "constant" | "refused";
  readonly answer: number | null;
  readonly note: string | null;
}

/** The bodies that there are, asked one by one: what the embedded kernel offers to programs. */
export class Offers {
  readonly #layout = defaultLayout();
  readonly #helpers = new Map<string, ReadonlyMap<number, Helper>>();
  readonly #kfuncs: ReadonlyMap<string, Kfunc> = createKfuncs(this.#layout);

  /** Of a helper, by number, in programs of a type. */
  helper(id: number, programType: number): Offer {
    const kind = contextKind(programType);
    let helpers = this.#helpers.get(kind);
    if (helpers === undefined) {
      helpers = createHelpers(this.#layout, kind);
      this.#helpers.set(kind, helpers);
    }
    return offerOf(helpers.get(id), unsupportedHelper(id));
  }

  kfunc(name: string): Offer {
    return offerOf(this.#kfuncs.get(name), unsupportedKfunc(name));
  }
}

function offerOf(body: Pick<Callable, "always" | "here"> | undefined, refusal: string): Offer {
  if (body === undefined) return { status: "refused", answer: null, note: refusal };
  const { always, here = null } = body;
  return always === undefined
    ? { status: "works", answer: null, note: here }
    : { status: "constant", answer: always, note: here };
}
