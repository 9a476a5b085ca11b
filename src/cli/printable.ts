/** Text that quotes files, logs and arguments, for a terminal: what would steer it is a replacement character. */
export function printable(text: string): string {
  return text.replaceAll(/[^\P{Cc}\t\n]/gu, "\ufffd");
}
