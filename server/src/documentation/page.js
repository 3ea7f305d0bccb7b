// Shows the document with this very service as its only server, whatever its address is: the page may call no other.
// The licence is shown by its name alone: from its identifier Swagger UI makes a link into SPDX's list, which has none of
// ours.
fetch("/openapi.json")
  .then((response) => response.json())
  .then((document) => {
    SwaggerUIBundle({
      dom_id: "#reference",
      spec: {
        ...document,
        info: { ...document.info, license: { name: document.info.license.name } },
        servers: [{ url: window.location.origin, description: "This service." }],
      },
      deepLinking: true,
      displayRequestDuration: true,
      validatorUrl: null,
    });
  });
