// Tests the API reference in Chromium: node reference.test.js SERVICE_URL CHROMIUM [PICTURE]
"use strict";
const assert = require("node:assert/strict");
const { after, before, test } = require("node:test");
const { chromium } = require("playwright-core");

const [service, executablePath, picture] = process.argv.slice(2);
const { hostname, origin } = new URL(service);
const problems = [];
let browser;
let page;

before(async () => {
  browser = await chromium.launch({
    executablePath,
    // The sandbox of Chromium does not support root.
    chromiumSandbox: process.getuid() !== 0,
    // No name resolves except the service's, so the browser cannot call other hosts.
    args: [`--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE ${hostname}`],
  });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  context.on("request", (request) => {
    if (new URL(request.url()).origin !== origin) problems.push(`sent to another host: ${request.url()}`);
  });
  context.on("requestfailed", (request) => problems.push(`${request.failure().errorText}: ${request.url()}`));
  context.on("response", (response) => {
    if (!response.ok()) problems.push(`${response.status()}: ${response.url()}`);
  });
  context.on("weberror", (error) => problems.push(error.error().stack));
  context.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(`${message.type()}: ${message.text()}`);
  });
  // The console does not show violations that a script catches, such as that of `eval`.
  await context.addInitScript(() => {
    addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) =>
      console.error(`the policy blocks, by ${effectiveDirective}: ${blockedURI}`),
    );
  });
  page = await context.newPage();
});

after(() => browser?.close());

function operation(id) {
  return page.locator(`#${id}`);
}

async function call(id, fill) {
  const called = operation(id);
  await called.locator(".opblock-summary-control").click();
  await called.getByRole("button", { name: "Try it out", exact: true }).click();
  await fill(called);
  await called.getByRole("button", { name: "Execute", exact: true }).click();
  const response = called.locator(".live-responses-table .response");
  return {
    status: await response.locator(".response-col_status").innerText(),
    body: JSON.parse(await response.locator(".response-col_description code").first().innerText()),
  };
}

test("the page has a policy, and shows each operation of the document", async () => {
  const { paths } = await (await fetch(`${origin}/openapi.json`)).json();
  const operations = Object.values(paths)
    .flatMap((path) => Object.values(path))
    .filter(({ operationId }) => operationId)
    .map(({ operationId, tags: [tag] }) => `operations-${tag}-${operationId}`);

  const response = await page.goto(`${origin}/docs`);
  assert.match(response.headers()["content-security-policy"], /default-src 'none'/);
  await page.locator(".opblock").first().waitFor();
  if (picture) await page.screenshot({ path: picture });

  const shown = await page.locator(".opblock").evaluateAll((elements) => elements.map(({ id }) => id));
  assert.deepEqual(shown.sort(), operations.sort());
  for (const id of operations) {
    const summary = operation(id).locator(".opblock-summary-control");
    await summary.click();
    await operation(id).getByRole("heading", { name: "Responses" }).waitFor();
    await summary.click();
  }
});

test("a tenant is found by its slug", async () => {
  const { status, body } = await call("operations-tenants-tenant_get_by_slug", (called) =>
    called.getByPlaceholder("slug").fill("acme"),
  );
  assert.equal(status, "200");
  assert.equal(body.slug, "acme");
});

test("a tenant is created", async () => {
  const { status, body } = await call("operations-tenants-tenant_create", (called) =>
    called.locator("textarea").fill(JSON.stringify({ slug: "blue-sky", name: "Blue Sky Ltd" })),
  );
  assert.equal(status, "201");
  assert.equal(body.slug, "blue-sky");
});

test("nothing failed, was blocked by the policy, or went to another host", async () => {
  // After the page has closed, all its events have arrived.
  await page.close();
  assert.deepEqual(problems, []);
});
