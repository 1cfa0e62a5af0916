// The function's log: console as AWS formats it, framed where the platform offers the pipe.

import fs from 'node:fs';
import { format } from 'node:util';

import { isError } from './errors.mjs';

const FRAME = 0xa55a0000;
const TEXT_FLAG = 0b11;
const JSON_FLAG = 0b10;
const LEVELS = { TRACE: 1, DEBUG: 2, INFO: 3, WARN: 4, ERROR: 5, FATAL: 6 };
const METHODS = {
  trace: 'TRACE', debug: 'DEBUG', log: 'INFO', info: 'INFO', warn: 'WARN', error: 'ERROR',
  fatal: 'FATAL',
};

/** Replace console's methods; the returned object is told which request runs. */
export function patchConsole() {
  const json = process.env.AWS_LAMBDA_LOG_FORMAT?.toUpperCase() === 'JSON';
  const wanted = (json && LEVELS[process.env.AWS_LAMBDA_LOG_LEVEL?.toUpperCase()]) || 0;
  const write = openSink(process.env._LAMBDA_TELEMETRY_LOG_FD, json);
  delete process.env._LAMBDA_TELEMETRY_LOG_FD;
  const log = { requestId: undefined };
  const message = json ? jsonMessage : textMessage;
  for (const [method, level] of Object.entries(METHODS)) {
    console[method] = LEVELS[level] < wanted
      ? () => {}
      : (...values) => write(level, message(log.requestId, level, values));
  }
  return log;
}

function textMessage(requestId, level, values) {
  return `${new Date().toISOString()}\t${requestId}\t${level}\t${format(...values)}`;
}

function jsonMessage(requestId, level, values) {
  const record = { timestamp: new Date().toISOString(), level, requestId };
  const [first] = values;
  const error = values.find(isError);
  record.message = values.length === 1 && typeof first === 'object' && first !== null && !error
    ? first
    : format(...values);
  if (error) {
    record.errorType = error.name;
    record.errorMessage = error.message;
    record.stackTrace = String(error.stack ?? '').split('\n');
  }
  try {
    return JSON.stringify(record);
  } catch {
    return JSON.stringify({ ...record, message: format(...values) });
  }
}

function openSink(fd, json) {
  if (fd === undefined) {
    // Without frames a carriage return keeps the lines of one message together.
    return (_level, text) => writeAll(1, Buffer.from(`${text.replace(/\n/g, '\r')}\n`));
  }
  const pipe = Number(fd);
  return (level, text) => {
    const body = Buffer.from(`${text}\n`);
    const head = Buffer.alloc(16);
    head.writeUInt32BE(FRAME + LEVELS[level] * 4 + (json ? JSON_FLAG : TEXT_FLAG), 0);
    head.writeUInt32BE(body.length, 4);
    head.writeBigUInt64BE(BigInt(Date.now()) * 1000n, 8);
    writeAll(pipe, Buffer.concat([head, body]));
  };
}

function writeAll(fd, buffer) {
  for (let written = 0; written < buffer.length;) {
    try {
      written += fs.writeSync(fd, buffer, written);
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

/** An error as it stands in the log: a tab and JSON with all its own properties. */
export function formatError(error) {
  const seen = new Set();
  const replace = (_key, value) => {
    if (typeof value === 'bigint') return String(value);
    if (typeof value !== 'object' || value === null) return value;
    if (seen.has(value)) return '[Circular]';
    seen.add(value);
    return isError(value) ? errorRecord(value) : value;
  };
  try {
    return `\t${JSON.stringify(error, replace)}`;
  } catch {
    return `\t${format(error)}`;
  }
}

function errorRecord(error) {
  return {
    errorType: error.name,
    errorMessage: error.message,
    ...error,
    name: undefined,
    stack: typeof error.stack === 'string' ? error.stack.split('\n') : error.stack,
  };
}
