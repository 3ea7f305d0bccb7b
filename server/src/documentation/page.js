// Replaces the servers in the document by this service, whatever its address is: the page may not call other hosts.
// Only the name of the license is shown. From its identifier, Swagger UI would create a link to SPDX's list, which does not
// contain it.
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
