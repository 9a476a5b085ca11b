export { parseClassic } from "./parse.ts";
export { type ClassicStyle, classicImage, printClassic } from "./print.ts";
