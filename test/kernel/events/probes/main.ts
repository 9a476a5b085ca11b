// The comparison as a program of its own: a second kernel runs it.
import { compareProbes } from "./compare.ts";

console.log(JSON.stringify(await compareProbes()));
