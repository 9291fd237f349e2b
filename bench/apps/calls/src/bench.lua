-- Row 18: calls of a function that returns its argument.
local funcs = require("funcs")
local time = require("time")

local BATCH = 1000

local payloads = {
    scalar = function(i) return i end,
    table = function(i) return { n = i, tag = "call", list = { 1, 2, 3 } } end,
}

local function sequential(payload)
    return function(n)
        for i = 1, n do
            local _, err = funcs.call("app:echo", payload(i))
            if err then error(err) end
        end
    end
end

local function futures(n)
    for _ = 1, n / BATCH do
        local batch = {}
        for i = 1, BATCH do
            batch[i] = funcs.async("app:echo", i)
        end
        for i = 1, BATCH do
            batch[i]:channel():receive()
        end
    end
end

return function(kind, n)
    n = tonumber(n)
    local run = if kind == "futures" then futures else sequential(payloads[kind])
    run(n / 10)
    local start = time.now()
    run(n)
    local rate = n / time.now():sub(start):seconds()
    print("RESULT calls_" .. kind, rate, "calls/s")
end
