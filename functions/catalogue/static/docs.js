// The page's own script: a content security policy that allows no script within the page protects it.
SwaggerUIBundle({
  dom_id: "#description",
  url: new URL("openapi.json", document.baseURI).href,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null, // the validator would be another host
  syntaxHighlight: { activated: true, theme: "agate" },
});
