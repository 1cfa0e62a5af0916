// The Runtime API, as far as a runtime needs it.

import http from 'node:http';

import { toPayload, xrayCause } from './errors.mjs';

const ROOT = '/2018-06-01/runtime';
const JSON_TYPE = 'application/json';

export class RuntimeClient {
  constructor(address) {
    const [hostname, port] = address.split(':');
    this.target = {
      hostname,
      port: Number(port || 80),
      // Its idle connection does not keep the process alive.
      agent: new http.Agent({ keepAlive: true }),
    };
  }

  /** Wait for the next event: its headers and its body as text. */
  async next() {
    const { status, headers, body } = await this.#call('GET', `${ROOT}/invocation/next`);
    if (status !== 200) throw new Error(`The Runtime API answered /next with ${status}`);
    return { headers, body: body.toString('utf8') };
  }

  async postInvocationResponse(requestId, body) {
    await this.#call('POST', `${ROOT}/invocation/${requestId}/response`, body, {
      'Content-Type': JSON_TYPE,
    });
  }

  async postInvocationError(requestId, error) {
    const payload = toPayload(error);
    await this.#call('POST', `${ROOT}/invocation/${requestId}/error`, JSON.stringify(payload), {
      'Content-Type': JSON_TYPE,
      'Lambda-Runtime-Function-Error-Type': headerSafe(payload.errorType),
      'Lambda-Runtime-Function-XRay-Error-Cause': headerSafe(xrayCause(error)),
    });
  }

  async postInitError(error) {
    const payload = toPayload(error);
    await this.#call('POST', `${ROOT}/init/error`, JSON.stringify(payload), {
      'Content-Type': JSON_TYPE,
      'Lambda-Runtime-Function-Error-Type': headerSafe(payload.errorType),
    });
  }

  /** Begin a streamed response; the caller writes to the request and ends it. */
  openResponseStream(requestId) {
    const request = http.request({
      ...this.target,
      method: 'POST',
      path: `${ROOT}/invocation/${requestId}/response`,
      headers: {
        'Lambda-Runtime-Function-Response-Mode': 'streaming',
        Trailer: 'Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body',
        'Transfer-Encoding': 'chunked',
      },
    });
    const answered = new Promise((resolve, reject) => {
      request.on('response', (response) => {
        response.resume();
        response.on('end', resolve);
      });
      request.on('error', reject);
    });
    return { request, answered };
  }

  #call(method, path, body, headers = {}) {
    return new Promise((resolve, reject) => {
      const data = body === undefined ? undefined : Buffer.from(body, 'utf8');
      const length = data === undefined ? {} : { 'Content-Length': data.length };
      const request = http.request(
        { ...this.target, method, path, headers: { ...headers, ...length } },
        (response) => {
          const chunks = [];
          response.on('data', (chunk) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => resolve({
            status: response.statusCode,
            headers: response.headers,
            body: Buffer.concat(chunks),
          }));
        },
      );
      request.on('error', reject);
      request.setNoDelay(true);
      request.end(data);
    });
  }
}

/** Header values hold printable ASCII only. */
function headerSafe(text) {
  return String(text).replace(/[^\x20-\x7e]/g, (c) => encodeURIComponent(c));
}
