// The suite asks for Node 22 because it imports `globSync`, which it needs for none of the server's scenarios. With
// this (`node --import`) it runs on Node 20 as well.

import { register } from 'node:module';

const missing = "() => { throw new Error('globSync needs Node 22'); }";
const shim = `export * from 'node:fs';
import fs from 'node:fs';
export default fs;
export const globSync = fs.globSync ?? (${missing});`;

const asModule = (text) => `data:text/javascript,${encodeURIComponent(text)}`;

const hooks = `export function resolve(specifier, context, next) {
  const isOurs = specifier === 'fs' && context.parentURL?.includes('/@modelcontextprotocol/conformance/');
  return isOurs ? { url: ${JSON.stringify(asModule(shim))}, shortCircuit: true } : next(specifier, context);
}`;

register(asModule(hooks));
