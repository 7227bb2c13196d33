-- What wrk sends: the same request each time, with the next token, and with an Idempotency-Key of its own if it has a
-- body. Arguments: file of tokens, number of the first, method, path, origin-verify, body, beginning of the keys.
local tokens, n = {}, 0

function init(args)
    for token in io.lines(args[1]) do tokens[#tokens + 1] = token end
    n = tonumber(args[2])
    head = args[3] .. " " .. args[4] .. " HTTP/1.1\r\nHost: localhost\r\nX-Origin-Verify: " .. args[5]
    body, key = args[6], args[7]
    if body == "" then
        rest = "\r\n\r\n"
    else
        rest = "\r\nContent-Type: application/json\r\nContent-Length: " .. #body .. "\r\n\r\n" .. body
        head = head .. "\r\nIdempotency-Key: " .. key .. "-"
    end
end

function request()
    n = n + 1
    local number = body == "" and "" or n
    return head .. number .. "\r\nAuthorization: Bearer " .. tokens[(n - 1) % #tokens + 1] .. rest
end

function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format('{"requests":%d,"seconds":%f,"p50_ms":%f,"p99_ms":%f,"failed":%d}\n', summary.requests,
        summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
        e.status + e.connect + e.read + e.write + e.timeout))
end
