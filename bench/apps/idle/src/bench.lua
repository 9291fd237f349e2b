-- Row 5: n processes that wait for a message. Prints how long it took to start
-- them, then READY, and waits to be measured from outside and killed.
local time = require("time")

return function(n)
    n = tonumber(n)
    local start = time.now()
    for _ = 1, n do
        local _, err = process.spawn("app:idle", "app:processes")
        if err then return nil, err end
    end
    -- Processes of one host run in turn: when the last one has ended, the ones before it wait.
    process.spawn_monitored("app:last", "app:processes")
    process.events():receive()
    print("RESULT idle_start", time.now():sub(start):seconds(), "s")
    print("READY")
    time.sleep("10m")
end
