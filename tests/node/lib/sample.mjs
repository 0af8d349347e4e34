// People of the sample organisation, by role.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const file = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "server", "sample", "organisation.toml");

/** Employee number of the first person with a role. */
export function person(role) {
  for (const block of readFileSync(file, "utf8").split("[[people]]").slice(1)) {
    if (new RegExp(`roles\\s*=\\s*\\[[^\\]]*"${role}"`).test(block)) return block.match(/id\s*=\s*"([^"]+)"/)[1];
  }
  throw new Error(`nobody in the sample is a ${role}`);
}

export const technician = () => person("technician");
