const NAMES = 8;
const SCALARS = ["int", "unsigned long", "char", "short", "long long", "float", "_Bool"];

/**
 * C sources of compilation units of one imaginary program: they share structs, but each defines only some of them and
 * declares the others, and now and then one defines a struct another way.
 */
export function randomUnits(world: number, count: number): string[] {
  const shapes = shapesOf(random(world * 7919 + 13));
  return Array.from({ length: count }, (_, unit) =>
    unitOf(shapes, unit, random(world * 31 + unit * 977 + 5)),
  );
}

type Random = (below: number) => number;

function random(seed: number): Random {
  return (below) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % below;
  };
}

function shapesOf(next: Random): string[] {
  return Array.from({ length: NAMES }, () => {
    const members: string[] = [];
    for (let count = 1 + next(5); count > 0; count--) {
      const name = `m${members.length}`;
      const struct = `struct s${next(NAMES)}`;
      members.push(
        [
          `${SCALARS[next(SCALARS.length)]} ${name};`,
          `${struct} *${name};`,
          `int (*${name})(${struct} *a, int b);`,
          `enum e${next(3)} *${name};`,
          `const ${struct} *${name}[${1 + next(4)}];`,
        ][next(5)]!,
      );
    }
    return members.join(" ");
  });
}

function unitOf(shapes: readonly string[], unit: number, next: Random): string {
  const lines: string[] = [];
  for (let i = 0; i < 3; i++) {
    lines.push(next(2) === 0 ? `enum e${i};` : `enum e${i} { E${i}A, E${i}B = ${3 * i} };`);
  }
  for (const i of shapes.keys()) lines.push(`struct s${i};`);
  for (const [i, shape] of shapes.entries()) {
    if (next(3) > 0) lines.push(`struct s${i} { ${shape} ${next(12) === 0 ? "int extra;" : ""} };`);
  }
  for (let i = 0; i < 4; i++) {
    lines.push(`typedef struct s${next(NAMES)} *t${i}${next(3) === 0 ? "x" : ""};`);
    lines.push(`typedef const struct s${next(NAMES)} *u${i}; u${i} v${i}_${unit};`);
  }
  for (const i of shapes.keys()) if (next(2) === 0) lines.push(`struct s${i} *p${i}_${unit};`);
  lines.push(`int f_${unit}(struct s${next(NAMES)} *a, u0 b) { return a != (void *)b; }`);
  lines.push(
    `static int z; int g_${unit}(u1 a, struct s${next(NAMES)} *b) { return z++ + (a != (void *)b); }`,
  );
  return lines.join("\n");
}
