// Response streaming: the global `awslambda`, and handlers that it marks.

import { toPayload } from './errors.mjs';
import { formatError } from './logging.mjs';

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
const PRELUDE_END = Buffer.alloc(8);
const HTTP_STREAM = 'application/vnd.awslambda.http-integration-response';

export function installGlobals() {
  globalThis.awslambda = {
    streamifyResponse: (handler) => Object.assign(handler, { [STREAMING]: 'response' }),
    HttpResponseStream: {
      /** Status code, headers and cookies of an HTTP answer, ahead of its body. */
      from(stream, metadata) {
        stream.setContentType(HTTP_STREAM);
        stream.write(JSON.stringify(metadata));
        stream.write(PRELUDE_END);
        return stream;
      },
    },
  };
}

export function isStreaming(handler) {
  return handler[STREAMING] === 'response';
}

/** Settles when the platform has the whole response, or the error that took its place. */
export async function runStreaming(client, handler, event, context) {
  const { request, answered } = client.openResponseStream(context.awsRequestId);
  request.setHeader('Content-Type', 'application/octet-stream');
  request.setContentType = (type) => request.setHeader('Content-Type', type);
  try {
    await handler(event, request, context);
    if (!request.writableEnded) request.end();
  } catch (error) {
    console.error(`Invoke Error ${formatError(error)}`);
    const payload = toPayload(error);
    request.addTrailers({
      'Lambda-Runtime-Function-Error-Type': payload.errorType.replace(/[^\x20-\x7e]/g, '?'),
      'Lambda-Runtime-Function-Error-Body':
        Buffer.from(JSON.stringify(payload)).toString('base64'),
    });
    request.end();
  }
  await answered;
}
