// Runs events one after another: promise, callback and streaming handlers.

import { types } from 'node:util';

import { createContext } from './context.mjs';
import { NodeJsExit } from './errors.mjs';
import { callbacksAllowed } from './handler.mjs';
import { formatError } from './logging.mjs';
import { isStreaming, runStreaming } from './streaming.mjs';

const NEVER_SETTLED = 'The Lambda runtime client detected an unexpected Node.js exit code. This '
  + 'is most commonly caused by a Promise that was never settled. For more information, see '
  + 'https://nodejs.org/docs/latest/api/process.html#exit-codes';

export class Invoker {
  constructor(client, handler, log) {
    this.client = client;
    this.handler = handler;
    this.log = log;
    this.requestId = undefined;
    this.whenIdle = () => {};
  }

  start() {
    // The event loop has nothing left to do; a handler may be waiting for just that.
    process.on('beforeExit', () => this.whenIdle());
    this.#goOn();
  }

  #goOn() {
    setImmediate(() => this.once().then(() => this.#goOn(), (error) => {
      console.error(`Runtime failure ${formatError(error)}`);
      process.exit(1);
    }));
  }

  /** Wait for an event and run it. */
  async once() {
    const { headers, body } = await this.client.next();
    this.requestId = headers['lambda-runtime-aws-request-id'];
    this.log.requestId = this.requestId;
    setTraceId(headers['lambda-runtime-trace-id']);
    const { result, error } = await this.#run(headers, body);
    this.whenIdle = () => {};
    if (error !== undefined) {
      console.error(`Invoke Error ${formatError(error.value)}`);
      await this.client.postInvocationError(this.requestId, error.value);
    } else if (result !== undefined) {
      await this.client.postInvocationResponse(this.requestId, result);
    }
  }

  /** Settles once the invocation is over: {result} as JSON, {error}, or neither when streamed. */
  #run(headers, body) {
    return new Promise((resolve) => {
      const finish = (outcome) => {
        this.whenIdle = () => {};
        resolve(outcome);
      };
      const fail = (value) => finish({ error: { value } });
      const succeed = (value) => {
        try {
          finish({ result: JSON.stringify(value === undefined ? null : value) ?? 'null' });
        } catch {
          fail(new Error('Unable to stringify response body'));
        }
      };
      try {
        const event = JSON.parse(body);
        const context = createContext(headers);
        if (isStreaming(this.handler)) {
          runStreaming(this.client, this.handler, event, context).then(() => finish({}), fail);
          return;
        }
        this.#call(event, context, succeed, fail);
      } catch (error) {
        fail(error);
      }
    });
  }

  #call(event, context, succeed, fail) {
    // A handler that never answers: an async one has failed, a classic one returned null.
    this.whenIdle = types.isAsyncFunction(this.handler)
      ? () => fail(new NodeJsExit(NEVER_SETTLED))
      : () => succeed(null);
    const answer = (error, value) => (error === undefined || error === null
      ? succeed(value) : fail(error));
    const callback = (error, value) => {
      if (context.callbackWaitsForEmptyEventLoop) {
        this.whenIdle = () => setImmediate(answer, error, value);
      } else {
        answer(error, value);
      }
    };
    if (callbacksAllowed()) {
      context.succeed = (value) => answer(null, value);
      context.fail = (error) => answer(error ?? 'handled');
      context.done = callback;
    }
    const returned = this.handler(event, context, callback);
    if (typeof returned?.then === 'function') returned.then(succeed, fail);
    else if (!callbacksAllowed()) succeed(returned);
  }
}

function setTraceId(value) {
  if (value) process.env._X_AMZN_TRACE_ID = value;
  else delete process.env._X_AMZN_TRACE_ID;
}
