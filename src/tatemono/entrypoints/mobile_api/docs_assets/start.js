// Without the extra request for a validator, and without keeping a token beyond the page.
window.addEventListener("load", () => {
  SwaggerUIBundle({
    url: "/v1/api/openapi.json",
    dom_id: "#docs",
    deepLinking: true,
    displayOperationId: true,
    displayRequestDuration: true,
    validatorUrl: null,
    persistAuthorization: false,
  });
});
