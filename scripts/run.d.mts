/** Bundles a TypeScript file of the project for this Node, and gives the path of the result. */
export function bundled(entry: string): Promise<string>;
