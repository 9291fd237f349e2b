-- Row 9: n senders, 100 messages each, one receiver.
local time = require("time")

local MESSAGES = 100

local function run(n)
    local inbox = process.inbox()
    for _ = 1, n do
        process.spawn("app:sender", "app:processes", process.pid(), MESSAGES)
    end
    for _ = 1, n * MESSAGES do
        inbox:receive():payload():data()
    end
end

return function(n)
    n = tonumber(n)
    run(n / 10)
    local start = time.now()
    run(n)
    local rate = n * MESSAGES / time.now():sub(start):seconds()
    print("RESULT fan_in", rate, "messages/s")
end
