// Without the extra request for a validator, and without keeping a token beyond the page.
window.addEventListener("load", () => {
  SwaggerUIBundle({
    url: document.getElementById("docs").dataset.openapi,
    dom_id: "#docs",
    deepLinking: true,
    displayOperationId: true,
    displayRequestDuration: true,
    validatorUrl: null,
    persistAuthorization: false,
  });
});
