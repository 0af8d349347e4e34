// What stands where a number will be: core's provisional label (R30). It is a name, the same in every language.

/** U+4E34 and the last six digits of the id; search finds it. */
export function provisionalLabel(id: string): string {
  return `\u4e34${id.slice(-6).toUpperCase()}`
}
