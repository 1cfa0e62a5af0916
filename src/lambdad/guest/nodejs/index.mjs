// Starts a Node.js function: load its handler, then run one event after another.
//
// lambdad's own runtime client. It behaves as AWS's (texts, log lines, exit codes) and uses the
// standard library alone. Order matters: the log is patched before any code of the user's runs.

import { RuntimeClient } from './client.mjs';
import { fatalFromRejection } from './errors.mjs';
import { loadHandler } from './handler.mjs';
import { Invoker } from './invocation.mjs';
import { patchConsole, formatError } from './logging.mjs';
import { awaitFunction } from './stem.mjs';
import { installGlobals } from './streaming.mjs';

const EXIT_UNHANDLED_REJECTION = 128;
const EXIT_UNCAUGHT_EXCEPTION = 129;

if (process.env.AWS_LAMBDA_RUNTIME_API === undefined) await awaitFunction();

const client = new RuntimeClient(process.env.AWS_LAMBDA_RUNTIME_API);
const log = patchConsole();
installGlobals();

let reportFatal = (error) => client.postInitError(error);

async function die(title, error, exitCode) {
  console.error(`${title} ${formatError(error)}`);
  try {
    await reportFatal(error);
  } finally {
    process.exit(exitCode);
  }
}

process.on('uncaughtException', (error) =>
  die('Uncaught Exception', error, EXIT_UNCAUGHT_EXCEPTION));
process.on('unhandledRejection', (reason, promise) =>
  die('Unhandled Promise Rejection', fatalFromRejection(reason, promise),
    EXIT_UNHANDLED_REJECTION));

try {
  const handler = await loadHandler(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER);
  const invoker = new Invoker(client, handler, log);
  reportFatal = (error) => client.postInvocationError(invoker.requestId, error);
  invoker.start();
} catch (error) {
  await die('Uncaught Exception', error, EXIT_UNCAUGHT_EXCEPTION);
}
