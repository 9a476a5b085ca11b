export { type ExplainOptions, explainLog, UNKNOWN_CODE } from "./explain-log.ts";
export type { Explanation, ExplanationFix, ExplanationStep } from "./explanation.ts";
export { type ExplanationStyle, explanationText } from "./explanation-text.ts";
export { type LineRecord, located } from "./located.ts";
export type { LogReport, LogSource, LogStep, ParsedLog } from "./log-model.ts";
export { type ProgramLog, parseLog, parseLogs } from "./parse-log.ts";
export type { ProgramFacts } from "./program-facts.ts";
export { RULES } from "./rules.ts";
export { type SarifSubject, sarifLog } from "./sarif.ts";
