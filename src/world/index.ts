export { type Spawning, World } from "./world.ts";
