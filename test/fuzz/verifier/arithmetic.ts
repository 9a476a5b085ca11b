import { constant, type Draft, SCALAR, type Value } from "./draft.ts";

const OPERATORS = [
  "+=",
  "-=",
  "*=",
  "|=",
  "&=",
  "^=",
  "/=",
  "%=",
  "<<=",
  ">>=",
  "s>>=",
  "s/=",
  "s%=",
] as const;
const USUAL = ["+=", "-=", "&=", "|=", "^=", "*="] as const;
const CONDITIONS = ["==", "!=", ">", ">=", "<", "<=", "s>", "s>=", "s<", "s<=", "&"] as const;
const WIDE = [
  "0x100000000",
  "0xffffffff00000000",
  "0x7fffffffffffffff",
  "0x8000000000000000",
  "0xffffffff",
  "0x1122334455667788",
] as const;

/** One operation on a number. */
export function arithmetic(draft: Draft): void {
  const { random } = draft;
  const register = draft.scalar();
  const dst = draft.kept.has(register) ? copied(draft, register) : register;
  const wide = random.below(3) > 0;
  const letter = wide ? "r" : "w";
  switch (random.below(12)) {
    case 0:
      draft.emit(`${letter}${dst} = -${letter}${dst}`);
      break;
    case 1: {
      const size = random.pick(wide ? ["8", "16", "32"] : ["8", "16"]);
      draft.emit(`${letter}${dst} = (s${size})${letter}${draft.scalar()}`);
      break;
    }
    case 2:
      draft.emit(
        `r${dst} = ${random.pick(["be16", "be32", "be64", "bswap16", "bswap32", "bswap64", "le16"])} r${dst}`,
      );
      break;
    case 3:
      draft.emit(`r${dst} = ${random.pick(WIDE)} ll`);
      break;
    case 4:
      draft.emit(`${letter}${dst} = ${letter}${draft.scalar()}`);
      break;
    default: {
      const operator = random.oneIn(2) ? random.pick(USUAL) : random.pick(OPERATORS);
      if (random.oneIn(3) && !operator.includes("<") && !operator.includes(">")) {
        draft.emit(`${letter}${dst} ${operator} ${letter}${draft.scalar()}`);
      } else draft.emit(`${letter}${dst} ${operator} ${operand(draft, operator, wide)}`);
    }
  }
  draft.set(dst, SCALAR);
}

function operand(draft: Draft, operator: string, wide: boolean): number {
  const { random } = draft;
  if (operator.endsWith("<<=") || operator.endsWith(">>=")) return random.below(wide ? 64 : 32);
  const number = constant(random);
  const divides = operator.includes("/") || operator.includes("%");
  return divides && number === 0 ? 3 : number;
}

function copied(draft: Draft, register: number): number {
  const dst = draft.target();
  draft.emit(`r${dst} = r${register}`);
  draft.set(dst, draft.get(register));
  return dst;
}

/** The condition of a branch, as text: `r1 s> 5`, `w2 & w3`. */
export function condition(draft: Draft): string {
  const { random } = draft;
  const left = draft.scalar();
  const letter = random.below(3) > 0 ? "r" : "w";
  const operator = random.pick(CONDITIONS);
  if (random.oneIn(3)) {
    const right = draft.scalar();
    return `${letter}${left} ${operator} ${letter}${right}`;
  }
  return `${letter}${left} ${operator} ${constant(random)}`;
}

/** A copy of a number, and perhaps a constant more: the two stay linked. */
export function link(draft: Draft): void {
  const register = draft.scalar();
  const dst = draft.target();
  const letter = draft.random.oneIn(4) ? "w" : "r";
  draft.emit(`${letter}${dst} = ${letter}${register}`);
  const value = draft.get(register);
  draft.set(dst, letter === "w" ? SCALAR : value);
  if (draft.random.oneIn(2)) {
    draft.emit(`${letter}${dst} += ${draft.random.between(-16, 40)}`);
    draft.set(dst, SCALAR);
  }
}

/**
 * Makes a number at most `limit` in one of the ways that programs do it, and now and then not quite.
 * Numbers that are too large go to `out`.
 */
export function bound(draft: Draft, register: number, limit: number, out: string): number {
  const { random } = draft;
  const known = draft.get(register);
  if (known?.kind === "scalar" && known.max !== null && known.max <= limit && random.below(4) > 0) {
    return register;
  }
  const slip = random.oneIn(draft.slipOneIn) ? random.pick([1, 8, -1]) : 0;
  const most = Math.max(0, limit + slip);
  const mask = maskUpTo(most);
  let result = register;
  const own = (): number => {
    if (draft.kept.has(register) || random.oneIn(3)) result = copied(draft, register);
    return result;
  };
  switch (random.below(10)) {
    case 0:
    case 1:
      draft.emit(`r${own()} &= ${mask}`);
      break;
    case 2:
      draft.emit(`w${own()} &= ${mask}`);
      break;
    case 3:
      draft.emit(`if r${register} > ${most} goto ${out}`);
      break;
    case 4:
      draft.emit(`if r${register} >= ${most + 1} goto ${out}`);
      break;
    case 5:
      draft.emit(`if w${own()} > ${most} goto ${out}`, `w${result} = w${result}`);
      break;
    case 6:
      draft.emit(`if r${register} s> ${most} goto ${out}`, `if r${register} s< 0 goto ${out}`);
      break;
    case 7:
      draft.emit(
        `if w${own()} s> ${most} goto ${out}`,
        `if w${result} s< 0 goto ${out}`,
        `w${result} = w${result}`,
      );
      break;
    case 8: {
      const copy = draft.scratch(register);
      draft.emit(`r${copy} = r${register}`, `if r${copy} > ${most} goto ${out}`);
      draft.set(copy, { kind: "scalar", max: most });
      break;
    }
    default: {
      const bits = Math.max(1, 31 - Math.clz32(mask + 1));
      draft.emit(`r${own()} <<= ${64 - bits}`, `r${result} >>= ${64 - bits}`);
    }
  }
  const value: Value = { kind: "scalar", max: most };
  draft.set(result, value);
  return result;
}

/** The largest 2^n - 1 that is not above `limit`. */
function maskUpTo(limit: number): number {
  let mask = 0;
  while (mask * 2 + 1 <= limit) mask = mask * 2 + 1;
  return mask;
}
