// What the page runs: clients against a server of another origin.
import { cases } from "./cases.mjs";
import { grpcWebClients, schema, webClients } from "./clients.mjs";

const { registry, service } = schema(new Uint8Array(await (await fetch("/schema")).arrayBuffer()));

globalThis.run = async (baseUrl, clientName, caseName, env) => {
  const clients = { ...webClients(service, baseUrl), ...grpcWebClients(service, baseUrl) };
  await cases[caseName](clients[clientName], { ...env, registry });
};
globalThis.names = Object.keys({ ...webClients(service, ""), ...grpcWebClients(service, "") });
