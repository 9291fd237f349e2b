-- Rows 2 and 3: a payload goes to another process of the shard and comes back.
local time = require("time")

local payloads = {
    scalar = function(i) return i end,
    table = function(i) return { n = i, tag = "ping", list = { 1, 2, 3 } } end,
}

local function run(pong, payload, n)
    local inbox = process.inbox()
    for i = 1, n do
        process.send(pong, "ping", payload(i))
        inbox:receive():payload():data()
    end
end

return function(kind, n)
    local payload = payloads[kind]
    n = tonumber(n)
    local pong = process.spawn("app:pong", "app:processes")
    run(pong, payload, n / 10)
    local start = time.now()
    run(pong, payload, n)
    local rate = n / time.now():sub(start):seconds()
    print("RESULT ping_" .. kind, rate, "round trips/s")
end
