/** A part of the command line: `"./main.js"`, and its code as CommonJS in ASCII. */
export interface Part {
  readonly name: string;
  readonly code: string;
}

export function bundleCommandLine(): Promise<Buffer>;
export function joined(parts: readonly Part[]): Buffer;
export function withPlainBindings(text: string): string;
