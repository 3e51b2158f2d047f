// Drives the page of the local server in headless Chromium, with the services
// in its own process and with the function in the emulator. `make test-page`
// builds what it needs.
//
// LOCAL is the binary of the local server, FUNCTION that of the function.
// CHROMIUM is the browser; the default is what is found in PATH. SCREENSHOTS is
// a directory for pictures; none are taken without it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";

const executablePath = findChromium();
const hostile = '"><img src=x onerror="globalThis.hostile=1"><script>globalThis.hostile=2</script>';
const desktop = { width: 1280, height: 860 };
const phone = { width: 390, height: 844 };
const call = (method) => `[id="/example.v1.${method}"]`;

describe("the page", { skip: executablePath ? false : "no Chromium in PATH or CHROMIUM" }, () => {
  let browser, server;
  before(async () => {
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"] });
    server = await startServer("-grpc-address", "localhost:0", "-metrics-address", "off");
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  // open opens a path of the page. What the browser complains of fails the test
  // at its end.
  async function open(t, path, options = {}, origin = server.docs) {
    const context = await browser.newContext({ viewport: desktop, ...options });
    context.setDefaultTimeout(120_000); // of a busy machine
    const page = await context.newPage();
    const complaints = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => message.text().includes("Content Security Policy") && complaints.push(message.text()));
    page.on("request", (request) => new URL(request.url()).origin === origin || request.url().startsWith("data:") || complaints.push(request.url()));
    t.after(async () => {
      await context.close();
      assert.deepEqual(complaints, []);
    });
    await page.goto(origin + path);
    return page;
  }

  test("a unary call is made from its form, with the keyboard", async (t) => {
    const page = await open(t, "/");
    await page.locator(`${call("EchoService/Echo")} > summary`).focus();
    await page.keyboard.press("Enter");
    const card = page.locator(call("EchoService/Echo"));
    await card.getByLabel("Request, in JSON").fill(JSON.stringify({ text: hostile }));
    await card.getByLabel("Headers").fill("X-Request-Id: from-the-form");
    await card.getByRole("button", { name: "Call Echo" }).press("Enter");
    await card.getByText(/^OK after/).waitFor();
    assert.equal(JSON.parse(await card.locator(".output").textContent()).text, hostile);
    assert.equal(await page.evaluate(() => globalThis.hostile), undefined);
  });

  test("a failure is shown with its code", async (t) => {
    const page = await open(t, `/#${encodeURIComponent("/example.v1.EchoService/EchoStream")}`);
    const card = page.locator(call("EchoService/EchoStream"));
    await card.getByLabel("Request, in JSON").fill('{"count": -1}');
    await card.getByRole("button", { name: "Call EchoStream" }).click();
    await card.getByText(/^invalid_argument, 0 messages/).waitFor();
  });

  // The stream lasts until it is cancelled, so that its messages can only have
  // been shown before its end.
  test("the messages of a stream are shown as they arrive, and it can be cancelled", async (t) => {
    const page = await open(t, `/#${encodeURIComponent("/example.v1.EchoService/EchoStream")}`);
    const card = page.locator(call("EchoService/EchoStream"));
    await card.getByLabel("Request, in JSON").fill('{"id": "7", "count": 1000, "interval": "10s"}');
    await card.getByRole("button", { name: "Call EchoStream" }).click();
    await card.locator(".output").getByText('"sequence":1').waitFor();
    const calls = await open(t, "/calls?code=running");
    await calls.getByRole("link", { name: "EchoStream" }).first().click();
    await calls.locator(".code.running").waitFor();
    await card.getByRole("button", { name: "Cancel" }).click();
    await card.getByText("cancelled").waitFor();
    await calls.locator(".code.failed").waitFor(); // without a click
    await calls.getByText("Lambda event").waitFor();
  });

  test("the OpenAPI document is shown, and REST called from it", async (t) => {
    const page = await open(t, "/openapi");
    await page.locator("#operations-PingService-PingService_Ping").getByRole("button").first().click();
    await page.getByRole("button", { name: "Execute" }).click();
    await page.locator(".live-responses-table").getByText("Pong").first().waitFor();
  });

  test("calls appear by themselves, and can be filtered", async (t) => {
    const page = await open(t, "/calls");
    await fetch(`${server.http}/v1/echo/7?text=${encodeURIComponent(hostile)}`, { headers: { "X-Request-Id": "from-outside" } });
    await page.getByText("from-outside").waitFor();
    await fetch(`${server.http}/v1/echo/7/stream?count=-1`);
    await page.getByLabel("Code").selectOption("failed");
    await page.waitForURL(/code=failed/);
    await page.locator("td .code.failed").first().waitFor();
    assert.equal(await page.locator("td .code:not(.failed)").count(), 0);
    await page.getByRole("link", { name: "All", exact: true }).click();
    await page.getByLabel("Method").fill("ping");
    await page.getByLabel("Method").press("Enter");
    await page.waitForURL(/method=ping/);
    assert.equal(await page.getByRole("link", { name: "EchoService" }).count(), 0);
  });

  test("hostile values stay text, and secrets are masked", async (t) => {
    await fetch(`${server.http}/v1/echo/7?access_token=hush&text=${encodeURIComponent(hostile)}`, {
      headers: { Authorization: "hush", "X-Request-Id": "hostile", "X-Hostile": hostile },
    });
    const page = await open(t, "/calls");
    await page.locator("tr", { hasText: "hostile" }).first().getByRole("link").click();
    for (const source of ["rest-api", "alb", "function-url"]) {
      await page.getByRole("link", { name: source, exact: true }).click();
      await page.locator(`.sources [aria-current]`).getByText(source, { exact: true }).waitFor();
      const text = await page.locator("main").textContent();
      assert.ok(text.includes("onerror") && !text.includes("hush"), text);
    }
    assert.equal(await page.evaluate(() => globalThis.hostile), undefined);
    assert.equal(await page.locator("main img, main script").count(), 0);
  });

  test("a response of the services runs no script on the page's origin", async (t) => {
    const page = await open(t, "/");
    const policy = await page.evaluate(async () => (await fetch("/call/v1/ping")).headers.get("Content-Security-Policy"));
    assert.match(policy, /^sandbox;/);
  });

  test("another site can neither read the page nor call through it", async (t) => {
    const context = await browser.newContext();
    t.after(() => context.close());
    const other = await context.newPage();
    await other.goto(server.http + "/v1/ping");
    const attempt = (path, options) => other.evaluate(([url, o]) => fetch(url, o).then(() => "read", () => "refused"), [server.docs + path, options]);
    assert.equal(await attempt("/calls"), "refused");
    assert.equal(await attempt("/call/v1/echo/7", { method: "POST", body: "{}" }), "refused");
  });

  test("a call is sent through the function as an event of another source", async (t) => {
    const emulated = await startServer("-lambda", variable("FUNCTION"), "-source", "http-api");
    t.after(() => emulated.stop());
    await fetch(`${emulated.http}/v1/echo/7?text=sent`);
    const page = await open(t, "/calls/1?source=alb", {}, emulated.docs);
    await page.getByRole("button", { name: "Send to the function" }).click();
    await page.getByText("Response of the function behind alb").waitFor();
    assert.equal(await page.locator("#sent pre", { hasText: '"text": "sent"' }).count(), 2);
    await picture(page, "sent");
  });

  for (const scheme of ["light", "dark"]) {
    for (const [name, viewport] of Object.entries({ desktop, phone })) {
      test(`every page fits ${name} in ${scheme}`, async (t) => {
        const page = await open(t, "/", { viewport, colorScheme: scheme });
        for (const [title, path] of Object.entries({ methods: "/", openapi: "/openapi", calls: "/calls", call: "/calls/1" })) {
          await page.goto(server.docs + path);
          if (title === "openapi") await page.locator(".opblock").first().waitFor();
          if (title === "methods") await page.locator("details.card").first().locator("> summary").click();
          const [content, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
          assert.ok(content <= width, `${title} is ${content} wide in ${width}`);
          await picture(page, `${title}-${name}-${scheme}`);
        }
      });
    }
  }
});

async function picture(page, name) {
  const directory = process.env.SCREENSHOTS;
  if (directory) await page.screenshot({ path: join(directory, `${name}.png`) });
}

function variable(name) {
  assert.ok(process.env[name], `${name} is not set: run make test-page`);
  return process.env[name];
}

// startServer runs the local server until stop.
async function startServer(...args) {
  const child = spawn(variable("LOCAL"), ["-http-address", "localhost:0", "-docs", "localhost:0", ...args], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exited = new Promise((resolve) => child.once("close", resolve));
  let log = "";
  const [http, docs] = await new Promise((resolve, reject) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      log += line + "\n";
      const serving = /msg=serving .*?http=(\S+).* docs=(\S+)/.exec(line);
      if (serving) resolve(serving.slice(1).map((url) => url.replace("127.0.0.1", "localhost")));
    });
    child.once("error", reject);
    exited.then(() => reject(new Error(`the server ended: ${log}`)));
  });
  return {
    http, docs,
    async stop() {
      child.kill("SIGINT");
      await exited;
      assert.equal(child.exitCode, 0, log);
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
