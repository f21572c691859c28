// Puts each fragment of /events in place of the one before.
"use strict";
const run = document.getElementById("run");
const heard = document.getElementById("heard");
const events = new EventSource("/events");
events.onopen = () => { heard.textContent = ""; };
events.onmessage = (event) => { run.innerHTML = JSON.parse(event.data); };
events.addEventListener("end", () => { events.close(); heard.textContent = "The run has ended."; });
events.onerror = () => { heard.textContent = "The run cannot be heard any more; trying again."; };
