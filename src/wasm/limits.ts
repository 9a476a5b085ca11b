/**
 * What a module may hold: the limits all engines agreed on (WebAssembly JavaScript Interface, "Implementation-
 * defined Limits"), and V8's for the size of one `br_table`.
 */
export const LIMITS = {
  functionBytes: 7_654_321,
  locals: 50_000,
  params: 1_000,
  results: 1_000,
  types: 1_000_000,
  functions: 1_000_000,
  imports: 1_000_000,
  exports: 1_000_000,
  globals: 1_000_000,
  tables: 100_000,
  elementSegments: 10_000_000,
  dataSegments: 100_000,
  tableEntries: 10_000_000,
  memoryPages: 65_536,
  branchTableEntries: 65_520,
  moduleBytes: 1 << 30,
} as const;
