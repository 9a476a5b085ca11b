export {
  type AutoAttach,
  SECTION_DEFINITIONS,
  type SectionDefinition,
} from "./section-definitions.ts";
export { matchSection, type SectionMatch } from "./sections.ts";
