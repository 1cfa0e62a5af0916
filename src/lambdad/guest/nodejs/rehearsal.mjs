// What a stem does once for itself, so that it need not be done when an invocation waits: a module
// is loaded, a connection opened, requests sent. Node compiles the way through its own library when
// it is gone for the first time. Leaves nothing behind.

import http from 'node:http';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

import { RuntimeClient } from './client.mjs';
import { loadHandler } from './handler.mjs';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const TIMES = 4;

export async function rehearse() {
  await loadHandler(FOLDER, 'part.handler');
  const { cache } = createRequire(import.meta.url);
  for (const name of Object.keys(cache)) delete cache[name];
  const server = http.createServer(answer);
  // Without the state in which a connection that was closed lingers.
  server.on('connection', (socket) => socket.on('end', () => socket.resetAndDestroy?.()));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = new RuntimeClient(`127.0.0.1:${server.address().port}`);
  for (let time = 0; time < TIMES; time += 1) {
    const { body } = await client.next();
    await client.postInvocationResponse('rehearsal', JSON.stringify(JSON.parse(body)));
  }
  client.close();
  await new Promise((resolve) => server.close(resolve));
}

function answer(request, response) {
  request.resume();
  request.on('end', () => {
    response.setHeader('Content-Type', 'application/json');
    response.end('{}');
  });
}
