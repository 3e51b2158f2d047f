// Runs the official JavaScript clients, in node and in headless Chromium, against
// the service in testdata: served directly, and as a function in the emulator
// behind a function URL. `make test-browser` builds what it needs.
//
// FUNCTION is the binary of the service, SCHEMA a descriptor set of proto/.
// CHROMIUM is the browser; the default is what is found in PATH.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { accessSync, constants, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import * as connectNode from "@connectrpc/connect-node";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { cases } from "./cases.mjs";
import { connectClient, schema, webClients } from "./clients.mjs";

const binary = variable("FUNCTION");
const descriptorSet = readFileSync(variable("SCHEMA"));
const { registry, service } = schema(descriptorSet);
const timeout = 60_000; // of a case, in milliseconds
const functionURL = ["-lambda", binary, "-source", "function-url"];

// The ways to the service. buffered: an answer is held back until its end.
const targets = {
  "directly": { args: ["-transport", "unix", "-grpc-address", "off", "-metrics-address", "off"], http2: true },
  "function URL, streamed": { args: [...functionURL, "-response-mode", "stream"] },
  "function URL": { args: functionURL, buffered: true },
};

const pages = await servePages();
after(() => pages.close());

for (const [target, { args, http2, buffered = false }] of Object.entries(targets)) {
  describe(target, () => {
    const env = { receipts: `${pages.origin}/receipts`, buffered };
    let server;
    before(async () => (server = await startServer([...args, "-cors-origins", pages.origin])));
    after(() => server?.stop());

    describe("node", () => {
      for (const name of Object.keys(nodeClients("http://localhost", http2).clients)) {
        describe(name, () => {
          let client, close;
          before(() => {
            const made = nodeClients(server.url, http2);
            [client, close] = [made.clients[name], made.close];
          });
          after(() => close?.());
          for (const [caseName, run] of Object.entries(cases)) {
            test(caseName, { timeout }, () => run(client, { ...env, registry }));
          }
        });
      }
    });

    const executablePath = findChromium();
    describe("Chromium", { skip: executablePath ? false : "no Chromium in PATH or CHROMIUM" }, () => {
      let browser, page;
      before(async () => {
        browser = await launch(executablePath);
        page = await open(browser, pages.origin);
      });
      after(() => browser?.close());

      for (const name of ["connect-web, Connect, JSON", "connect-web, Connect, protobuf", "connect-web, gRPC-Web",
        "grpc-web, text", "grpc-web, binary"]) {
        describe(name, () => {
          for (const caseName of Object.keys(cases)) {
            test(caseName, { timeout }, () => page.evaluate((a) => run(...a), [server.url, name, caseName, env]));
          }
        });
      }

      test("every client of the page is tested", async () => {
        assert.equal(await page.evaluate(() => names.length), 5);
      });

      test("a page of an origin that is not allowed cannot call", async () => {
        const other = await open(browser, pages.origin.replace("localhost", "127.0.0.1"));
        const call = other.evaluate((a) => run(...a), [server.url, "connect-web, Connect, JSON", "a stream may be empty", env]);
        await assert.rejects(call, /Failed to fetch/);
      });
    });
  });
}

function variable(name) {
  assert.ok(process.env[name], `${name} is not set: run make test-browser`);
  return process.env[name];
}

// nodeClients are the clients for node, and what closes their connections.
function nodeClients(baseUrl, http2) {
  const clients = {
    ...webClients(service, baseUrl),
    "connect-node, Connect": connectClient(service, connectNode.createConnectTransport({ baseUrl, httpVersion: "1.1" })),
    "connect-node, gRPC-Web": connectClient(service, connectNode.createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })),
  };
  if (!http2) return { clients, close() {} };
  const sessionManager = new connectNode.Http2SessionManager(baseUrl);
  const options = { baseUrl, httpVersion: "2", sessionManager };
  clients["connect-node, Connect, HTTP/2"] = connectClient(service, connectNode.createConnectTransport(options));
  clients["connect-node, gRPC, HTTP/2"] = connectClient(service, connectNode.createGrpcTransport(options));
  return { clients, close: () => sessionManager.abort() };
}

// startServer runs the local server with args.
async function startServer(args) {
  const process = spawn(binary, ["-http-address", "localhost:0", "-docs", "off", ...args], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exited = new Promise((resolve) => process.once("close", resolve));
  let log = "";
  const url = await new Promise((resolve, reject) => {
    createInterface({ input: process.stderr }).on("line", (line) => {
      log += line + "\n";
      const serving = /msg=serving .*?http=(\S+)/.exec(line);
      if (serving) resolve(serving[1]);
    });
    process.once("error", reject);
    exited.then(() => reject(new Error(`the server ended: ${log}`)));
  });
  return {
    url,
    async stop() {
      process.kill("SIGINT");
      await exited;
      assert.equal(process.exitCode, 0, log);
    },
  };
}

// servePages serves the page, and passes word from the clients to the service
// of which messages have been received: POST says that one was, and GET answers
// when it was, or with 408 after wait milliseconds.
async function servePages() {
  const bundle = await build({
    entryPoints: [join(import.meta.dirname, "page.mjs")],
    bundle: true, format: "esm", write: false, logLevel: "warning",
  });
  const script = bundle.outputFiles[0].contents;
  const receipts = new Map();
  const receipt = (key) => {
    if (!receipts.has(key)) {
      const made = {};
      made.promise = new Promise((resolve) => (made.resolve = resolve));
      receipts.set(key, made);
    }
    return receipts.get(key);
  };
  const content = {
    "/": ["text/html", '<!doctype html><script type="module" src="/page.js"></script>'],
    "/page.js": ["text/javascript", script],
    "/schema": ["application/octet-stream", descriptorSet],
  };
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://localhost");
    if (url.pathname === "/receipts") {
      const { promise, resolve } = receipt(`${url.searchParams.get("id")} ${url.searchParams.get("sequence")}`);
      if (request.method === "POST") {
        resolve(200);
        response.end();
        return;
      }
      let timer;
      const late = new Promise((done) => (timer = setTimeout(done, Number(url.searchParams.get("wait")), 408)));
      response.writeHead(await Promise.race([promise, late])).end();
      clearTimeout(timer);
      return;
    }
    const [type, body] = content[url.pathname] ?? [];
    response.writeHead(body ? 200 : 404, { "Content-Type": type ?? "text/plain" }).end(body);
  });
  await new Promise((resolve) => server.listen(0, resolve));
  return {
    origin: `http://localhost:${server.address().port}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function findChromium() {
  const chosen = process.env.CHROMIUM;
  if (chosen) {
    assert.ok(isExecutable(chosen), `CHROMIUM=${chosen}: want the file of a browser`);
    return chosen;
  }
  return ["chromium", "chromium-browser", "google-chrome"]
    .flatMap((name) => (process.env.PATH ?? "").split(delimiter).map((dir) => join(dir, name)))
    .find(isExecutable);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function launch(executablePath) {
  return chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
}

// open opens the page and waits until it can run cases.
async function open(browser, origin) {
  const page = await browser.newPage();
  await page.goto(origin);
  await page.waitForFunction(() => globalThis.names);
  return page;
}
