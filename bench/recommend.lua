-- wrk: GET /getrecforyou for the users of the demo, one after another in steps that visit all 671; the summary as JSON.
local users, at = 671, 0

function request()
  at = (at + 97) % users
  return wrk.format("GET", "/getrecforyou?id=" .. (at + 1) .. "&size=32&model=widedeep")
end

-- A pause between an answer and the next request: without one the load is all that two connections can ask for.
function delay() return tonumber(os.getenv("PAUSE_MS") or "0") end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format('{"rate":%.1f,"requests":%d,"p50":%.3f,"p99":%.3f,"failed":%d}\n',
    summary.requests / summary.duration * 1e6, summary.requests, latency:percentile(50) / 1000,
    latency:percentile(99) / 1000, e.connect + e.read + e.write + e.status + e.timeout))
end
