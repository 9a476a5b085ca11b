export { addressText, type Field, fieldsOf, fieldText, isNumeric } from "./fields.ts";
export {
  type MapTable,
  type MapTableOptions,
  mapTable,
  type TableEntry,
  type TableMap,
} from "./map-table.ts";
export { countText, durationText, percentText, quantityText, shortText } from "./numbers.ts";
export { type Column, type TableOptions, type TableText, tableText } from "./table.ts";
