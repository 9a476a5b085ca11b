/** Section numbers (specification 5.5.2). */
export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
} as const;

/** Codes of what imports and exports name (specification 5.5.5). */
export const EXTERNAL_KIND = { func: 0, table: 1, memory: 2, global: 3 } as const;
