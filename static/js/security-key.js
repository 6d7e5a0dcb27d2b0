/* Says in the page what the security key or the browser refused. */
"use strict";

document.addEventListener("allauth.error", (event) => {
  const line = document.getElementById("security-key-problem");
  if (!line) return;
  event.preventDefault();
  const refused = event.detail?.exception?.name === "NotAllowedError";
  line.textContent = refused
    ? "The security key was not used: it took too long, or it was cancelled. Try again."
    : "The security key cannot be used here. Check that it is plugged in and not yet added.";
  line.hidden = false;
});
