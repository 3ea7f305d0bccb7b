// Shows the document with this very service as its only server, whatever its address is: the page may call no other.
fetch("/openapi.json")
  .then((response) => response.json())
  .then((document) => {
    SwaggerUIBundle({
      dom_id: "#reference",
      spec: { ...document, servers: [{ url: window.location.origin, description: "This service." }] },
      deepLinking: true,
      displayRequestDuration: true,
      validatorUrl: null,
    });
  });
