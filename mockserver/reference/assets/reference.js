"use strict";

const page = SwaggerUIBundle({
  dom_id: "#reference",
  url: "docs/openapi.json",
  presets: [SwaggerUIBundle.presets.apis],
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null, // its badge would come from the network
  onComplete: () => {
    const title = page.specSelectors.info().get("title");
    if (title) document.title = `${title}: API reference`;
  },
});
