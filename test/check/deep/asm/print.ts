export async function print(): Promise<number> {
  const { table } = await import("../isa/table.ts");
  return table.length;
}
