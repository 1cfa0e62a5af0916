// The program of the runtime conformance suite for Node.js.
import { accessSync, appendFileSync, constants, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";

if (process.env.INIT === "fail") throw new RangeError("not today");
if (process.env.INIT === "exit") process.exit(9);

class Broken extends Error {
  name = "Broken";
}

let calls = 0;

function isWritable(path) {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function variables(...names) {
  return Object.fromEntries(names.filter((n) => n in process.env).map((n) => [n, process.env[n]]));
}

const ACTIONS = {
  echo: (event) => event.value,
  context: (event, context) => ({
    requestId: context.awsRequestId,
    arn: context.invokedFunctionArn,
    name: context.functionName,
    version: context.functionVersion,
    memory: context.memoryLimitInMB,
    group: context.logGroupName,
    stream: context.logStreamName,
    left: context.getRemainingTimeInMillis(),
    trace: process.env._X_AMZN_TRACE_ID,
    client: context.clientContext.custom.k,
  }),
  fail: () => {
    throw new Broken("on purpose");
  },
  sleep: () => new Promise((resolve) => setTimeout(resolve, 60_000)),
  exit: () => process.exit(7),
  hoard: () => {
    for (const held = []; ; ) held.push(Buffer.alloc(1_000_000, 1));
  },
  large: (event) => "x".repeat(event.bytes - 2),
  count: () => {
    appendFileSync("/tmp/calls", "x");
    return { memory: ++calls, file: statSync("/tmp/calls").size };
  },
  place: () => ({
    cwd: process.cwd(),
    writable: isWritable("/var/task"),
    variables: variables("AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT", "_HANDLER", "MINE"),
  }),
  read: (event) => readFileSync(event.path, "utf8"),
  layer: () => createRequire("/var/task/")("greeting").TEXT,
  began: () => readFileSync("/proc/self/environ", "latin1").includes("_HANDLER="),
  log: () => {
    console.log("a line of the function");
    return null;
  },
};

export const handler = async (event, context) => ACTIONS[event.do](event, context);

export const stream = globalThis.awslambda.streamifyResponse(async (event, response) => {
  response.setContentType("text/plain");
  response.write("first ");
  await new Promise((resolve) => setImmediate(resolve));
  if (event.do === "break") throw new Broken("on purpose");
  response.write("second");
  response.end();
});
