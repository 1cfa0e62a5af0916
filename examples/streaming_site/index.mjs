// A small web site in one function: pages and an event stream, sent while they are being made.
//
// Needs Node.js and nothing else: `awslambda` is there in every Node.js function. On a function
// URL of InvokeMode RESPONSE_STREAM the browser shows the first line before the last one exists.

import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

const PAUSE_MS = Number(process.env.PAUSE_MS ?? 300);

const STYLE = `
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 40em; margin: 3em auto; padding: 0 1em }
  li { animation: appear .3s } @keyframes appear { from { opacity: 0 } }
  output { font-variant-numeric: tabular-nums }`;

const SCRIPT = `
  const clock = document.querySelector('output');
  const ticks = new EventSource('countdown?from=3');
  ticks.onmessage = ({ data }) => { clock.textContent = data; };
  ticks.addEventListener('end', () => { ticks.close(); clock.textContent = 'liftoff'; });`;

export const handler = awslambda.streamifyResponse(async (event, stream) => {
  const { method } = event.requestContext.http;
  const route = routes[`${method} ${event.rawPath}`] ?? missing;
  await route(event, stream);
});

const routes = {
  'GET /': page,
  'GET /countdown': countdown,
  'POST /greet': greet,
};

/** The front page: its head at once, then one prime number after the other. */
async function page(event, stream) {
  const body = respond(stream, 200, 'text/html; charset=utf-8');
  const visits = 1 + Number(cookie(event, 'visits') ?? 0);
  await write(body, `<!doctype html><html lang="en"><meta charset="utf-8"><title>Streaming</title>
<style>${STYLE}</style>
<h1>Streaming from a function</h1>
<p>Visit ${visits || 1}. Countdown: <output>…</output></p>
<script>${SCRIPT}</script>
<ol>
`);
  for (const prime of primes(10)) {
    await pause(PAUSE_MS);
    await write(body, `<li>${prime}</li>\n`);
  }
  await write(body, '</ol><p id="end">That was the last one.</p></html>\n');
  await end(body);
}

/** Server-sent events: a number a tick, and at last the event `end`. */
async function countdown(event, stream) {
  const asked = Number(event.queryStringParameters?.from ?? 3);
  const from = Number.isInteger(asked) && asked > 0 ? Math.min(asked, 60) : 3;
  const body = respond(stream, 200, 'text/event-stream', { 'cache-control': 'no-store' });
  for (let n = from; n > 0; n -= 1) {
    await write(body, `data: ${n}\n\n`);
    await pause(PAUSE_MS);
  }
  await write(body, 'event: end\ndata: 0\n\n');
  await end(body);
}

/** A form's answer: reads the body, sets a cookie. */
async function greet(event, stream) {
  const form = new URLSearchParams(text(event));
  const name = form.get('name') || 'stranger';
  const visits = 1 + Number(cookie(event, 'visits') ?? 0);
  const body = respond(stream, 200, 'text/plain; charset=utf-8', {}, [
    `visits=${visits || 1}; Path=/; HttpOnly; SameSite=Lax`,
  ]);
  await write(body, `Hello, ${name}!\n`);
  await end(body);
}

async function missing(event, stream) {
  const body = respond(stream, 404, 'text/plain; charset=utf-8');
  await write(body, `There is no ${event.rawPath} here.\n`);
  await end(body);
}

/** Status and headers go first; what is written to the result is the body. */
function respond(stream, statusCode, type, headers = {}, cookies = []) {
  const metadata = { statusCode, headers: { 'content-type': type, ...headers }, cookies };
  return awslambda.HttpResponseStream.from(stream, metadata);
}

/** Waits while the client reads slower than this function writes. */
async function write(body, text) {
  if (!body.write(text)) await once(body, 'drain');
}

async function end(body) {
  body.end();
  await once(body, 'finish');
}

function text(event) {
  return event.isBase64Encoded ? Buffer.from(event.body, 'base64').toString() : event.body ?? '';
}

function cookie(event, name) {
  const found = event.cookies?.find((each) => each.startsWith(`${name}=`));
  return found?.slice(name.length + 1);
}

function* primes(count) {
  for (let n = 2, found = 0; found < count; n += 1) {
    let divisor = 2;
    while (divisor * divisor <= n && n % divisor) divisor += 1;
    if (divisor * divisor > n) {
      found += 1;
      yield n;
    }
  }
}
