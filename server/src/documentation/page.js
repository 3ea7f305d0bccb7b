// Shows the document with two changes. The server is this service, whatever its address is, because the page may not call
// other hosts. Each description names the scopes of its operation, because Scalar does not show them.
function withScopes(operation) {
  const scopes = (operation.security ?? []).flatMap(Object.values).flat();
  if (scopes.length === 0) return operation;
  const text = `**Scope:** ${scopes.map((scope) => `\`${scope}\``).join(" or ")}`;
  return { ...operation, description: [operation.description, text].filter(Boolean).join("\n\n") };
}

function mapValues(object, change) {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]));
}

fetch("/openapi.json")
  .then((response) => response.json())
  .then((document) => {
    Scalar.createApiReference("#reference", {
      content: {
        ...document,
        paths: mapValues(document.paths, (path) =>
          mapValues(path, (member) => (member.operationId ? withScopes(member) : member)),
        ),
        servers: [{ url: window.location.origin, description: "This service." }],
      },
      // The page loads nothing from other hosts.
      withDefaultFonts: false,
      telemetry: false,
      hideClientButton: true,
      showDeveloperTools: "never",
      agent: { disabled: true },
      mcp: { disabled: true },
    });
  });
