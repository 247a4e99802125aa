// Asks the server. Addresses are relative, so that they begin with the token of the page.

/** An error of the server: its text, and the clause that the file breaks. */
export class Problem extends Error {
  constructor({ message, clause, offset }, rule) {
    super(message);
    Object.assign(this, { clause, offset, rule });
  }
}

/** Returns the JSON of a request. Fails with a `Problem`, or where the command has been stopped. */
export async function get(path, parameters = {}, signal = undefined) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined);
  const response = await ask(`api/${path}?${new URLSearchParams(given)}`, signal);
  if (!response.headers.get("Content-Type").startsWith("application/json")) {
    throw new Problem({ message: (await response.text()).trim() });
  }
  const answer = await response.json();
  if (!response.ok) throw await problem(answer.error);
  return answer;
}

async function ask(address, signal) {
  try {
    return await fetch(address, { signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ message: "npyo view has been stopped: start it again for a new address" });
  }
}

/** Returns the error of an answer, with the rule of its clause. */
export async function problem(error) {
  return new Problem(error, error.clause ? (await specification()).clauses[error.clause]?.rule : null);
}

let read;

/** Returns the opcodes and the clauses of the specification. */
export function specification() {
  read ??= ask("spec.json").then((response) => response.json());
  return read;
}
