// Starts Swagger UI without its own layout and without requests to others.
"use strict";
addEventListener("DOMContentLoaded", () => {
  const viewer = document.getElementById("viewer");
  SwaggerUIBundle({
    url: viewer.dataset.document, domNode: viewer, validatorUrl: null, deepLinking: false,
    docExpansion: "list", defaultModelsExpandDepth: -1, tryItOutEnabled: true,
  });
});
