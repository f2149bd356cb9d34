// The least that a plugin is: it gets the name of a tool and its arguments, and answers with JSON.

import { get } from "agentstack:plugin/config@1.0.0";

export function call(tool, json) {
  const { name } = JSON.parse(json);
  // A setting of the operator's, if the plugin was granted it and there is one.
  let greeting = "Hello";
  try {
    greeting = get("greeting") ?? greeting;
  } catch {
    // Not granted: the usual greeting does.
  }
  switch (tool) {
    case "say_hello":
      return JSON.stringify({ text: `${greeting}, ${name}!` });
    default:
      // What is thrown as a text is the error that the operator sees.
      throw `there is no tool ${tool}`;
  }
}
