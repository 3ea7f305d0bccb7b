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
  context.on("requestfailed", (request) => {
    const { errorText } = request.failure();
    // Chromium itself cancels the request for the icon if the page changes meanwhile.
    const isCancelledIcon = errorText === "net::ERR_ABORTED" && request.url() === `${origin}/docs/icon.svg`;
    if (!isCancelledIcon) problems.push(`${errorText}: ${request.url()}`);
  });
  context.on("response", (response) => {
    if (!response.ok() && response.status() !== 304) problems.push(`${response.status()}: ${response.url()}`);
  });
  context.on("weberror", (error) => problems.push(error.error().stack));
  context.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(`${message.type()}: ${message.text()}`);
  });
  // The console does not show violations that a script catches, such as that of `eval`.
  await context.addInitScript(() => {
    addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => {
      // A library in Scalar tests once whether it may use `eval`, and works without it.
      if (blockedURI !== "eval") console.error(`the policy blocks, by ${effectiveDirective}: ${blockedURI}`);
    });
  });
  page = await context.newPage();
});

after(() => browser?.close());

// The fragment of an operation, which is also part of the id of its section. Scalar writes hyphens for underscores in tags.
function fragment({ tag, method, path }) {
  return `tag/${tag.replaceAll("_", "-")}/${method.toUpperCase()}${path}`;
}

// Loads the page, and waits until it has loaded everything.
function load(fragment = "") {
  return page.goto(`${origin}/docs${fragment}`, { waitUntil: "networkidle" });
}

async function open(operation) {
  await load(`#${fragment(operation)}`);
  const section = page.locator(`[id="api-1/${fragment(operation)}"]`);
  await section.getByText("Responses", { exact: true }).first().waitFor();
  return section;
}

// Sends the request that the page proposes, after `fill` has changed it.
async function send(operation, fill = () => {}) {
  const section = await open(operation);
  await section.getByRole("button", { name: "Test Request" }).click();
  const dialog = page.getByRole("dialog");
  await fill(dialog);
  const [response] = await Promise.all([
    page.waitForResponse((response) => new URL(response.url()).pathname.startsWith("/v1/")),
    dialog.getByRole("button", { name: /^Send/ }).first().click(),
  ]);
  const body = await response.json();
  // The page shows what it received.
  await dialog.getByText(body.id).first().waitFor();
  await page.keyboard.press("Escape");
  return { status: response.status(), body };
}

// Takes a picture for the README, if one is wanted.
async function draw(suffix = "") {
  if (picture) await page.screenshot({ path: picture.replace(/(?=\.png$)/, suffix) });
}

test("the page has a policy, and shows each operation of the document with its scopes", async () => {
  const { paths } = await (await fetch(`${origin}/openapi.json`)).json();
  const operations = Object.entries(paths).flatMap(([path, members]) =>
    Object.entries(members)
      .filter(([, { operationId }]) => operationId)
      .map(([method, { tags: [tag], security }]) => ({ path, method, tag, scopes: security.flatMap(Object.values).flat() })),
  );

  const response = await load();
  assert.match(response.headers()["content-security-policy"], /default-src 'none'/);
  await page.getByRole("heading", { name: "Tenant Registry" }).waitFor();
  await draw();

  assert.ok(operations.length > 0);
  for (const operation of operations) {
    const section = await open(operation);
    for (const scope of operation.scopes) await section.getByText(scope, { exact: true }).first().waitFor();
  }
});

test("a tenant is found by the slug of the example", async () => {
  const { status, body } = await send({ tag: "tenants", method: "get", path: "/v1/tenants/by-slug/{slug}" });
  assert.equal(status, 200);
  assert.equal(body.slug, "acme");
});

test("a tenant is created", async () => {
  const { status, body } = await send({ tag: "tenants", method: "post", path: "/v1/tenants" }, (dialog) =>
    dialog.locator(".cm-content").first().fill(JSON.stringify({ slug: "blue-sky", name: "Blue Sky Ltd" })),
  );
  assert.equal(status, 201);
  assert.equal(body.slug, "blue-sky");
});

test("the page is usable on a phone and in the dark", async () => {
  const wide = page.viewportSize();
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: "dark" });
  await load();
  await page.getByRole("heading", { name: "Tenant Registry" }).waitFor();
  const { width, scrollWidth, background } = await page.evaluate(() => ({
    width: innerWidth,
    scrollWidth: document.documentElement.scrollWidth,
    background: getComputedStyle(document.body).backgroundColor,
  }));
  assert.ok(scrollWidth <= width, `the page is ${scrollWidth} px wide`);
  const channels = background.match(/\d+/g).slice(0, 3).map(Number);
  assert.ok(Math.max(...channels) < 64, `the background is ${background}`);
  await draw("-phone");
  await page.setViewportSize(wide);
  await load();
  await page.getByRole("heading", { name: "Tenant Registry" }).waitFor();
  await draw("-dark");
  await page.emulateMedia({ colorScheme: "light" });
});

test("the search finds an operation", async () => {
  await load();
  await page.getByRole("button", { name: /Search/ }).first().click();
  await page.getByRole("dialog").getByRole("textbox").or(page.getByRole("combobox")).first().fill("revoke");
  await page.getByText(/Revoke an API key/).last().waitFor();
});

test("nothing failed, was blocked by the policy, or went to another host", async () => {
  // After the page has closed, all its events have arrived.
  await page.close();
  assert.deepEqual(problems, []);
});
