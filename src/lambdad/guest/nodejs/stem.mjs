// A process that is started ahead, before it is known for which function: guest/stem.py.

import fs from 'node:fs';

import { rehearse } from './rehearsal.mjs';

const CHANNEL = 63;
const TASK_ROOT = '/var/task';

/** Wait to be told the function, then be in its folder with its variables. */
export async function awaitFunction() {
  const own = { ...process.env };
  assume({ ...own, PART: 'rehearsal' });
  await rehearse();
  assume(own);
  fs.writeSync(CHANNEL, '+');
  const payload = fs.readFileSync(CHANNEL, 'utf8');
  fs.closeSync(CHANNEL);
  if (payload === '') process.exit(0); // nobody is left to tell it
  assume(JSON.parse(payload).variables);
  process.chdir(TASK_ROOT);
}

/** Have these variables and no others. */
function assume(variables) {
  for (const name of Object.keys(process.env)) {
    if (!Object.hasOwn(variables, name)) delete process.env[name];
  }
  for (const [name, value] of Object.entries(variables)) {
    // Setting TZ is not free, even to what it is.
    if (process.env[name] !== value) process.env[name] = value;
  }
}
