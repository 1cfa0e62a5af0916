// Errors: AWS's types for what goes wrong around a handler, and the shapes in which they travel.

const MAX_XRAY_CAUSE = 1024 * 1024;

function runtimeError(name) {
  return class extends Error {
    constructor(message, properties) {
      super(message);
      this.name = `Runtime.${name}`;
      Object.assign(this, properties);
    }
  };
}

export const ImportModuleError = runtimeError('ImportModuleError');
export const HandlerNotFound = runtimeError('HandlerNotFound');
export const MalformedHandlerName = runtimeError('MalformedHandlerName');
export const UserCodeSyntaxError = runtimeError('UserCodeSyntaxError');
export const UnhandledPromiseRejection = runtimeError('UnhandledPromiseRejection');
export const CallbackHandlerDeprecated = runtimeError('CallbackHandlerDeprecated');
export const NodeJsExit = runtimeError('NodeJsExit');

export function isError(value) {
  return value instanceof Error
    || Object.prototype.toString.call(value) === '[object Error]';
}

export function fatalFromRejection(reason, promise) {
  return new UnhandledPromiseRejection(String(reason), { reason, promise });
}

/** What the caller of a function gets: errorType, errorMessage, trace. */
export function toPayload(error) {
  if (!isError(error)) {
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  }
  return {
    errorType: String(error.name || 'Error'),
    errorMessage: String(error.message),
    trace: String(error.stack || '').split('\n'),
  };
}

/** The X-Ray error cause, or nothing where it would not fit into a header. */
export function xrayCause(error) {
  const frames = String(error?.stack ?? '').split('\n').slice(1).map(toFrame).filter(Boolean);
  const cause = JSON.stringify({
    working_directory: process.cwd(),
    exceptions: [{ type: error?.name ?? typeof error, message: error?.message, stack: frames }],
    paths: [...new Set(frames.map((frame) => frame.path))],
  });
  return cause.length < MAX_XRAY_CAUSE ? cause : '';
}

function toFrame(line) {
  const match = /at (?:(.*?) \()?(.*?):(\d+):\d+\)?$/.exec(line.trim());
  return match && { label: match[1] || 'anonymous', path: match[2], line: Number(match[3]) };
}
