/* Says in the page what the security key or the browser refused. */
"use strict";

const REASONS = {
  NotAllowedError: "The security key was not used: it took too long, or it was cancelled. Try again.",
  SecurityError:
    "Browsers use security keys at a host's name only, not at a number. Open Sightline by its name" +
    (location.hostname === "127.0.0.1" ? `: http://localhost:${location.port}/.` : "."),
};

document.addEventListener("allauth.error", (event) => {
  const line = document.getElementById("security-key-problem");
  if (!line) return;
  event.preventDefault();
  line.textContent =
    REASONS[event.detail?.exception?.name] ??
    "The security key cannot be used here. Check that it is plugged in and not yet added.";
  line.hidden = false;
});
