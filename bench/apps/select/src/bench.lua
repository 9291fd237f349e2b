-- Row 12: n messages through a select over inbox, events and a fresh timeout each.
local time = require("time")

local BATCH = 100

local function run(source, n)
    local inbox, events = process.inbox(), process.events()
    for i = 0, n - 1 do
        if i % BATCH == 0 then process.send(source, "more") end
        local result = channel.select {
            inbox:case_receive(),
            events:case_receive(),
            time.after("60s"):case_receive(),
        }
        assert(result.channel == inbox)
    end
end

return function(n)
    n = tonumber(n)
    local source = process.spawn("app:source", "app:processes", BATCH)
    run(source, n / 10)
    local start = time.now()
    run(source, n)
    print("RESULT select", n / time.now():sub(start):seconds(), "messages/s")
end
