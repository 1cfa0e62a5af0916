// What a stem does once for itself, so that it need not be done when an invocation waits: a module
// is loaded, a connection opened, events run. Node compiles the way through its own library and
// through ours when it is gone for the first time. Leaves nothing behind.

import http from 'node:http';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { RuntimeClient } from './client.mjs';
import { loadHandler } from './handler.mjs';
import { Invoker } from './invocation.mjs';
import { patchConsole } from './logging.mjs';
import { installGlobals } from './streaming.mjs';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const TIMES = 8;
const EVENT = {
  'Content-Type': 'application/json',
  'Lambda-Runtime-Aws-Request-Id': 'rehearsal',
  'Lambda-Runtime-Deadline-Ms': '0',
  'Lambda-Runtime-Invoked-Function-Arn': 'rehearsal',
  'Lambda-Runtime-Trace-Id': 'rehearsal',
};

export async function rehearse() {
  patchConsole(); // both are done again with the function's variables
  installGlobals();
  const handler = await loadHandler(FOLDER, 'part.handler');
  const { cache } = createRequire(import.meta.url);
  for (const name of Object.keys(cache)) delete cache[name];
  const server = http.createServer(answer).listen(0); // a host would have to be looked up
  const connected = first(server, 'connection');
  await first(server, 'listening');
  const client = new RuntimeClient(`127.0.0.1:${server.address().port}`);
  const invoker = new Invoker(client, handler, {});
  for (let time = 0; time < TIMES; time += 1) await invoker.once();
  const { sockets, freeSockets } = client.target.agent;
  const ends = [sockets, freeSockets].flatMap((byName) => Object.values(byName).flat());
  const peer = await connected;
  const closed = [server, peer, ...ends].map((one) => first(one, 'close'));
  for (const end of ends) end.ref(); // to see it through
  // A connection that is reset is gone; one that is closed lingers in the kernel.
  peer.resetAndDestroy?.();
  peer.destroy();
  server.close();
  await Promise.all(closed);
}

function answer(request, response) {
  request.resume();
  request.on('end', () => {
    response.writeHead(200, EVENT);
    response.end('{}');
  });
}

function first(emitter, event) {
  return new Promise((resolve) => emitter.once(event, resolve));
}
