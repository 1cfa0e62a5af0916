// Finds and loads the handler that _HANDLER names: `folder/file.export` or `file.nested.export`.

import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

import {
  CallbackHandlerDeprecated, HandlerNotFound, ImportModuleError, MalformedHandlerName,
  UserCodeSyntaxError,
} from './errors.mjs';
import { isStreaming } from './streaming.mjs';

const MODULE_AND_EXPORT = /^([^.]*)\.(.+)$/;
const FIRST_NODE_WITHOUT_CALLBACKS = 24;
const NO_CALLBACKS = 'ERROR: AWS Lambda has removed support for callback-based function handlers '
  + 'starting with Node.js 24. You need to modify this function to use a supported handler '
  + 'signature to use Node.js 24 or later. For more information see '
  + 'https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.';

/** The handler function. Throws one of AWS's Runtime.* errors. */
export async function loadHandler(taskRoot, name) {
  const { folder, module, exportPath } = splitName(name);
  const loaded = await loadModule(taskRoot, folder, module);
  const handler = exportPath.split('.').reduce((value, key) => value?.[key], loaded);
  if (!handler) throw new HandlerNotFound(`${name} is undefined or not exported`);
  if (typeof handler !== 'function') throw new HandlerNotFound(`${name} is not a function`);
  if (handler.length > 2 && !callbacksAllowed() && !isStreaming(handler)) {
    throw new CallbackHandlerDeprecated(NO_CALLBACKS);
  }
  return handler;
}

/** By AWS_EXECUTION_ENV, as AWS decides it. */
export function callbacksAllowed() {
  const match = /AWS_Lambda_nodejs(\d+)/.exec(process.env.AWS_EXECUTION_ENV ?? '');
  return match === null || Number(match[1]) < FIRST_NODE_WITHOUT_CALLBACKS;
}

function splitName(name) {
  if (name.includes('..')) {
    throw new MalformedHandlerName(`'${name}' is not a valid handler name. Use absolute paths `
      + 'when specifying root directories in handler names.');
  }
  const file = path.basename(name);
  const match = MODULE_AND_EXPORT.exec(file);
  if (!match) throw new MalformedHandlerName('Bad handler');
  return {
    folder: name.slice(0, name.length - file.length),
    module: match[1],
    exportPath: match[2],
  };
}

async function loadModule(taskRoot, folder, module) {
  const stem = path.resolve(taskRoot, folder, module);
  const require = createRequire(path.join(taskRoot, 'index.js'));
  try {
    if (isFile(stem)) return require(stem);
    const esm = belongsToModulePackage(stem, taskRoot);
    if (!esm && isFile(`${stem}.js`)) return require(`${stem}.js`);
    if (esm && isFile(`${stem}.js`)) return await import(pathToFileURL(`${stem}.js`));
    if (isFile(`${stem}.mjs`)) return await import(pathToFileURL(`${stem}.mjs`));
    if (isFile(`${stem}.cjs`)) return require(`${stem}.cjs`);
    return require(require.resolve(module, { paths: [taskRoot, path.dirname(stem)] }));
  } catch (error) {
    if (error instanceof SyntaxError) throw new UserCodeSyntaxError(String(error), stackOf(error));
    if (error?.code === 'MODULE_NOT_FOUND' || error?.code === 'ERR_MODULE_NOT_FOUND') {
      throw new ImportModuleError(String(error), stackOf(error));
    }
    throw error;
  }
}

function stackOf(error) {
  return error.stack ? { stack: error.stack } : {};
}

function isFile(name) {
  return fs.statSync(name, { throwIfNoEntry: false })?.isFile() ?? false;
}

/** Whether the nearest package.json up to the task root says that .js files are ES modules. */
function belongsToModulePackage(stem, taskRoot) {
  const top = path.resolve(taskRoot);
  for (let folder = path.dirname(stem); ; folder = path.dirname(folder)) {
    const file = path.join(folder, 'package.json');
    if (isFile(file)) {
      try {
        return JSON.parse(fs.readFileSync(file, 'utf8')).type === 'module';
      } catch {
        return false;
      }
    }
    if (folder === top || folder === path.dirname(folder)) return false;
  }
}
