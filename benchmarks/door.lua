-- What wrk sends to the door: a request of the app.
wrk.headers["Authorization"] = "Bearer " .. string.rep("eyJhbGciOiJFUzI1NiIs", 22)
wrk.headers["Accept-Language"] = "ja,en;q=0.8"
wrk.headers["User-Agent"] = "Tatemono/1.0 (iOS 20.1)"

function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format('{"requests":%d,"failed":%d}\n', summary.requests,
        e.status + e.connect + e.read + e.write + e.timeout))
end
